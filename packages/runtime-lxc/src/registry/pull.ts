import { buffer } from 'node:stream/consumers';
import { KeelsonError } from '@keelson/base';
import type { PullCredentials } from '@keelson/runtime';
import type { ImageRecord } from '../images/image-record.ts';
import { forThisMachine, type Manifest } from '../images/image-source.ts';
import type { ImageStore } from '../images/image-store.ts';
import { familiarName, familiarReference, parseReference } from '../images/reference.ts';
import { RegistryClient } from './registry-client.ts';

/** Takes an image from its registry into the store. Layers that are there already are not fetched. */
export async function pullImage(
  store: ImageStore,
  text: string,
  credentials: PullCredentials | undefined,
  signal?: AbortSignal,
): Promise<ImageRecord> {
  const reference = parseReference(text);
  const client = new RegistryClient(reference, credentials);
  const { manifest: top, digest } = await client.manifest(reference.digest ?? reference.tag ?? 'latest', signal);
  const manifest = await imageManifest(client, top, signal);
  if (!manifest.config) throw new KeelsonError('BadRequest', `"${text}" is no image: its manifest has no configuration`);
  return store.add({
    config: await buffer(await client.blob(manifest.config, signal)),
    layers: (manifest.layers ?? []).map((layer) => () => client.blob(layer, signal)),
    repoTags: reference.tag === undefined ? [] : [familiarReference(reference)],
    repoDigests: [`${familiarName(reference)}@${digest}`],
  });
}

async function imageManifest(client: RegistryClient, top: Manifest, signal: AbortSignal | undefined): Promise<Manifest> {
  if (!top.manifests) return top;
  const one = forThisMachine(top.manifests);
  if (!one) throw new KeelsonError('NotFound', 'no match for platform in manifest: not found');
  return (await client.manifest(one.digest, signal)).manifest;
}
