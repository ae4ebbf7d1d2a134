import { isReason, KeelsonError, type StatusReason } from '@keelson/base';
import type { Received } from '@keelson/grpc';
import type { Images, ImageStatus, PullCredentials } from '@keelson/runtime';
import { IMAGE_FS_INFO, IMAGE_STATUS, LIST_IMAGES, PULL_IMAGE, REMOVE_IMAGE } from './api/methods.ts';
import type { Image } from './api/parts.ts';
import type { CriClient } from './cri-client.ts';

/** Layers may be large and lines slow; the caller's signal ends it earlier. */
const PULL_TIMEOUT_MS = 3_600_000;

/** The runtime's images. */
export class CriImages implements Images {
  readonly #client: CriClient;

  constructor(client: CriClient) {
    this.#client = client;
  }

  async find(reference: string, signal?: AbortSignal): Promise<ImageStatus | undefined> {
    if (reference === '') return undefined;
    const { image } = await this.#client.call(IMAGE_STATUS, { image: { image: reference } }, { signal, isRepeatable: true });
    return image && imageStatus(image);
  }

  async list(signal?: AbortSignal): Promise<readonly ImageStatus[]> {
    const { images } = await this.#client.call(LIST_IMAGES, {}, { signal, isRepeatable: true });
    return images.map(imageStatus);
  }

  async pull(reference: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<ImageStatus> {
    const request = { image: { image: reference }, ...(credentials && { auth: credentials }) };
    const call = { signal, timeoutMs: PULL_TIMEOUT_MS, isRepeatable: true };
    const { imageRef } = await this.#client.call(PULL_IMAGE, request, call).catch((error: unknown) => {
      if (isReason(error)) throw pullError(error);
      throw error;
    });
    const image = await this.find(imageRef, signal);
    if (!image) throw new KeelsonError('NotFound', `"${reference}" was pulled, and is not there`);
    return image;
  }

  async remove(reference: string, signal?: AbortSignal): Promise<void> {
    await this.#client.call(REMOVE_IMAGE, { image: { image: reference } }, { signal, isRepeatable: true });
  }

  async directory(signal?: AbortSignal): Promise<string | undefined> {
    const { imageFilesystems } = await this.#client.call(IMAGE_FS_INFO, {}, { signal, isRepeatable: true });
    return imageFilesystems[0]?.fsId?.mountpoint;
  }
}

function imageStatus({ id, pinned, repoTags, repoDigests, size, uid, username }: Received<typeof Image>): ImageStatus {
  const user = uid ? String(uid.value) : username;
  return { id, repoTags, repoDigests, sizeBytes: Number(size), user, ...(pinned && { pinned }) };
}

/** Runtimes pass on what registries say, under any code. */
const REASONS: readonly (readonly [RegExp, StatusReason])[] = [
  [/unauthorized|authorization failed|authentication required|no basic auth|access denied|forbidden|40[13] /i, 'Forbidden'],
  [/no such host|connection refused|dial tcp|i\/o timeout|TLS handshake/i, 'ServiceUnavailable'],
  [/not found|manifest unknown|does not exist|name unknown|no match for platform/i, 'NotFound'],
];

function pullError({ message, reason }: KeelsonError): KeelsonError {
  const known = REASONS.find(([pattern]) => pattern.test(message))?.[1];
  const isOwn = reason === 'NotFound' || reason === 'Forbidden';
  return new KeelsonError(known ?? (isOwn ? reason : 'ServiceUnavailable'), message);
}
