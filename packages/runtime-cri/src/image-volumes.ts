import { KeelsonError } from '@keelson/base';
import type { ContainerConfig } from '@keelson/runtime';
import { VERSION } from './api/methods.ts';
import type { CriClient } from './cri-client.ts';

/** Since when runtimes mount images. They do not say it; an older one takes the image for a directory without a name. */
const SINCE: Readonly<Record<string, readonly [major: number, minor: number]>> = { containerd: [2, 1], 'cri-o': [1, 31] };

/** Whether a runtime of a name and version mounts images into containers. */
export function mountsImages(name: string, version: string): boolean {
  const [major, minor] = SINCE[name] ?? [Infinity, 0];
  const [ownMajor = 0, ownMinor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** Rejects with `BadRequest` if a container is to have an image mounted, and the runtime does not do that. */
export async function refuseImages(
  client: CriClient,
  { mounts }: ContainerConfig,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (mounts.every(({ image }) => image === undefined)) return;
  const { runtimeName, runtimeVersion } = await client.call(VERSION, {}, { signal, isRepeatable: true });
  if (mountsImages(runtimeName, runtimeVersion)) return;
  const since = SINCE[runtimeName]?.join('.');
  const why = since === undefined ? '' : `: that takes ${since} or later`;
  throw new KeelsonError('BadRequest', `${runtimeName} ${runtimeVersion} does not mount images as volumes${why}`);
}
