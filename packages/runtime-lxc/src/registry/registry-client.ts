import { createHash } from 'node:crypto';
import { pipeline, Readable, Transform } from 'node:stream';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { PullCredentials } from '@keelson/runtime';
import type { Descriptor, Manifest } from '../images/image-source.ts';
import type { ImageReference } from '../images/reference.ts';
import { authorizationFor, challengeOf } from './registry-auth.ts';

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

export interface FetchedManifest {
  readonly manifest: Manifest;
  readonly digest: string;
}

/** Reads one repository of a registry, by the OCI's distribution protocol. */
export class RegistryClient {
  readonly #reference: ImageReference;
  readonly #credentials: PullCredentials | undefined;
  readonly #bases: readonly string[];
  #authorization: string | undefined;
  #base: string | undefined;

  constructor(reference: ImageReference, credentials: PullCredentials | undefined) {
    this.#reference = reference;
    this.#credentials = credentials;
    this.#bases = basesOf(reference.registry);
  }

  /** By tag or digest. Verifies that a digest is the content's. */
  async manifest(name: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const response = await this.#get(`manifests/${name}`, MANIFEST_TYPES, signal);
    const bytes = await manifestBytes(response, name);
    const digest = digestOf(bytes);
    if (name.startsWith('sha256:') && name !== digest)
      throw new KeelsonError('BadRequest', `The registry gave manifest ${digest} instead of ${name}`);
    try {
      // Of a form that is fixed by the OCI; a field that is missing shows where it is used.
      return { manifest: JSON.parse(bytes.toString()) as Manifest, digest };
    } catch (cause) {
      throw new KeelsonError('BadRequest', `The manifest ${name} is no JSON`, { cause });
    }
  }

  /** The stream fails at its end if the content is not what its digest says. */
  async blob({ digest }: Descriptor, signal?: AbortSignal): Promise<Readable> {
    const response = await this.#get(`blobs/${digest}`, '*/*', signal);
    if (!response.body) throw new KeelsonError('ServiceUnavailable', `The registry gave nothing for ${digest}`);
    // What breaks on either side ends both; the reader of the result hears of it.
    return pipeline(Readable.fromWeb(response.body), verifier(digest), () => undefined);
  }

  async #get(path: string, accept: string, signal: AbortSignal | undefined): Promise<Response> {
    const { repository } = this.#reference;
    const request = (base: string) => this.#fetch(`${base}/v2/${repository}/${path}`, accept, signal);
    let response = await this.#onFirstBase(request, signal);
    if (response.status === 401) {
      const challenge = challengeOf(response.headers.get('www-authenticate') ?? '');
      await response.body?.cancel();
      if (!challenge) throw refused(this.#reference, response);
      this.#authorization = await authorizationFor({ challenge, repository, credentials: this.#credentials }, signal);
      response = await request(this.#base ?? '');
    }
    if (response.ok) return response;
    throw await failure(this.#reference, response);
  }

  /** Registries on this machine often speak no TLS: the first way that gets an answer is kept. */
  async #onFirstBase(request: (base: string) => Promise<Response>, signal: AbortSignal | undefined): Promise<Response> {
    if (this.#base !== undefined) return request(this.#base);
    let last: unknown;
    for (const base of this.#bases) {
      try {
        const response = await request(base);
        this.#base = base;
        return response;
      } catch (error) {
        signal?.throwIfAborted();
        last = error;
      }
    }
    throw last;
  }

  async #fetch(url: string, accept: string, signal: AbortSignal | undefined): Promise<Response> {
    const headers = { accept, ...(this.#authorization !== undefined && { authorization: this.#authorization }) };
    try {
      return await fetch(url, { headers, ...(signal && { signal }) });
    } catch (cause) {
      signal?.throwIfAborted();
      const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : errorMessage(cause);
      throw new KeelsonError('ServiceUnavailable', `Get "${url}": ${why}`, { cause });
    }
  }
}

/** Stops reading at the limit: how much comes is up to somebody else. */
async function manifestBytes({ body }: Response, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES)
      throw new KeelsonError('BadRequest', `The manifest ${name} is larger than ${MAX_MANIFEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function basesOf(registry: string): readonly string[] {
  if (registry === 'docker.io') return ['https://registry-1.docker.io'];
  const isLocal = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(registry);
  return isLocal ? [`https://${registry}`, `http://${registry}`] : [`https://${registry}`];
}

async function failure(reference: ImageReference, response: Response): Promise<KeelsonError> {
  const { status } = response;
  if (status === 401 || status === 403) return refused(reference, response);
  const body = await response.text().catch(() => '');
  const words = /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? response.statusText;
  const { registry, repository, tag, digest } = reference;
  const name = `${registry}/${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`;
  if (status === 404) return new KeelsonError('NotFound', `failed to resolve reference "${name}": ${name}: not found (${words})`);
  return new KeelsonError('ServiceUnavailable', `failed to pull "${name}": unexpected status ${status}: ${words}`);
}

function refused({ registry, repository }: ImageReference, { status }: Response): KeelsonError {
  const what = `pull access denied for ${registry}/${repository}, repository does not exist or may require authorization`;
  return new KeelsonError('Forbidden', `${what}: server answered ${status}`);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function verifier(digest: string): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(undefined, chunk);
    },
    flush: (done) => {
      const found = `sha256:${hash.digest('hex')}`;
      done(found === digest ? undefined : new KeelsonError('BadRequest', `The registry gave blob ${found} instead of ${digest}`));
    },
  });
}
