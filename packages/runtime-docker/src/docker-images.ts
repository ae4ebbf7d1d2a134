import { isReason, KeelsonError, type StatusReason } from '@keelson/base';
import type { Images, ImageStatus, PullCredentials } from '@keelson/runtime';
import type { EngineClient } from './engine/engine-client.ts';
import type { EngineInfo, ImageInspect, ImageSummary } from './engine/engine-types.ts';
import { jsonLines } from './engine/json-lines.ts';
import { PAUSE_LABEL } from './pause/pause-image.ts';

interface Progress {
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

/** A pull that says nothing for so long is given up. */
const SILENCE_MS = 60_000;

/** The engine's images. */
export class DockerImages implements Images {
  readonly #engine: EngineClient;

  constructor(engine: EngineClient) {
    this.#engine = engine;
  }

  async find(reference: string, signal?: AbortSignal): Promise<ImageStatus | undefined> {
    try {
      const path = `/images/${encodeURIComponent(reference)}/json`;
      const { Config, ...image } = await this.#engine.json<ImageInspect>({ method: 'GET', path, signal });
      return imageStatus({ ...image, Labels: Config?.Labels ?? null }, Config?.User ?? '');
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Without the users that the images run as. */
  async list(signal?: AbortSignal): Promise<readonly ImageStatus[]> {
    const images = await this.#engine.json<readonly ImageSummary[]>({ method: 'GET', path: '/images/json', signal });
    return images.map((image) => imageStatus(image, ''));
  }

  async pull(reference: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<ImageStatus> {
    const auth = credentials && {
      username: credentials.username,
      password: credentials.password,
      serveraddress: credentials.serverAddress,
    };
    const headers = auth && { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
    const query = { fromImage: reference, ...(hasTag(reference) ? {} : { tag: 'latest' }) };
    try {
      const call = { method: 'POST', path: '/images/create', query, signal, timeoutMs: SILENCE_MS, isLong: true } as const;
      const progress = await this.#engine.open(headers ? { ...call, headers } : call);
      const stop = () => progress.destroy();
      signal?.addEventListener('abort', stop, { once: true });
      try {
        for await (const { error, errorDetail } of jsonLines<Progress>(progress)) {
          if (error !== undefined) throw pullError(errorDetail?.message ?? error);
        }
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw isReason(error, 'InternalError', 'NotFound') ? pullError(error.message) : error;
    }
    const image = await this.find(reference, signal);
    if (!image) throw new KeelsonError('NotFound', `"${reference}" was pulled, and is not there`);
    return image;
  }

  async remove(reference: string, signal?: AbortSignal): Promise<void> {
    try {
      await this.#engine.json({ method: 'DELETE', path: `/images/${encodeURIComponent(reference)}`, signal });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  async directory(signal?: AbortSignal): Promise<string | undefined> {
    return (await this.#engine.json<EngineInfo>({ method: 'GET', path: '/info', signal })).DockerRootDir;
  }
}

function imageStatus({ Id, Labels, RepoTags, RepoDigests, Size }: ImageSummary, user: string): ImageStatus {
  const isNamed = (name: string) => !name.startsWith('<none>');
  return {
    id: Id,
    repoTags: (RepoTags ?? []).filter(isNamed),
    repoDigests: (RepoDigests ?? []).filter(isNamed),
    sizeBytes: Size,
    user,
    ...(Labels && PAUSE_LABEL in Labels && { pinned: true }),
  };
}

function hasTag(reference: string): boolean {
  return reference.includes('@') || /:[^/]+$/.test(reference);
}

/** Registries say what is wrong in words alone. */
const REASONS: readonly (readonly [RegExp, StatusReason])[] = [
  [/unauthorized|authentication required|no basic auth|denied: requested access|forbidden/i, 'Forbidden'],
  [/not found|manifest unknown|does not exist|name unknown|no matching manifest/i, 'NotFound'],
];

function pullError(words: string): KeelsonError {
  return new KeelsonError(REASONS.find(([pattern]) => pattern.test(words))?.[1] ?? 'ServiceUnavailable', words);
}
