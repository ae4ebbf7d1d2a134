import type { ApiServer } from '@keelson/api-server';
import { createClient } from '@keelson/client';
import type { ClusterSettings } from '../options.ts';
import type { NodeIdentity } from './component-context.ts';
import type { ClusterCredentials } from './credentials.ts';
import { nodeNameOf } from './node-name.ts';
import { podCidrsOf } from './ranges.ts';
import { nodeUser } from './users.ts';

/** The nodes of the process that the API server is in: they talk to it without a socket, and know their pods' addresses. */
export function ownNodes(
  server: ApiServer,
  { kubeletServing, authority }: ClusterCredentials,
  settings: ClusterSettings,
): readonly NodeIdentity[] {
  const tls = { cert: kubeletServing.certificate, key: kubeletServing.privateKey, clientCa: authority.certificate };
  return Array.from({ length: settings.nodes }, (_, place) => {
    const name = nodeNameOf(place + 1);
    const client = createClient(server.transport(nodeUser(name)));
    return { name, client, podCidrs: podCidrsOf(settings, place + 1), tls, port: 0 };
  });
}

/** What of the ranges of pods no other machine's node may get: what is Services', and what nodes of this process have, or take again. */
export function takenRanges(settings: ClusterSettings): readonly string[] {
  const own = Array.from({ length: settings.nodes }, (_, place) => podCidrsOf(settings, place + 1));
  return [...settings.serviceCidr.split(','), ...own.flat()];
}
