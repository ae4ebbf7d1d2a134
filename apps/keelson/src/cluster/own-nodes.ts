import type { ApiServer } from '@keelson/api-server';
import { CLOCK, LOGGER } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import type { Container } from 'inversify';
import type { ClusterSettings } from '../options.ts';
import type { NodeIdentity } from './component-context.ts';
import type { ClusterCredentials } from './credentials.ts';
import { nodeNameOf } from './node-name.ts';
import { podCidrsOf } from './ranges.ts';
import { nodeUser } from './users.ts';

interface Parts {
  readonly container: Container;
  readonly server: ApiServer;
  readonly credentials: ClusterCredentials;
  readonly settings: ClusterSettings;
}

/** The nodes of the process that the API server is in: they talk to it without a socket, and know their pods' addresses. */
export function ownNodes({ container, server, credentials, settings }: Parts): readonly NodeIdentity[] {
  const { kubeletServing, authority } = credentials;
  const tls = { cert: kubeletServing.certificate, key: kubeletServing.privateKey, clientCa: authority.certificate };
  return Array.from({ length: settings.nodes }, (_, place) => {
    const name = nodeNameOf(place + 1);
    const client = createClient(server.transport(nodeUser(name)));
    return { name, client, informers: informersOf(client, container), podCidrs: podCidrsOf(settings, place + 1), tls, port: 0 };
  });
}

/** What a part of the cluster sees as who it is. */
export function informersOf(client: Client, container: Container): InformerFactory {
  return new InformerFactory({ client, clock: container.get(CLOCK), logger: container.get(LOGGER) });
}

/** What of the ranges of pods no other machine's node may get: what is Services', and what nodes of this process have, or take again. */
export function takenRanges(settings: ClusterSettings): readonly string[] {
  const own = Array.from({ length: settings.nodes }, (_, place) => podCidrsOf(settings, place + 1));
  return [...settings.serviceCidr.split(','), ...own.flat()];
}
