import { createHash } from 'node:crypto';
import { KeelsonError } from '@keelson/base';
import type { Images, ImageStatus, PullCredentials } from '../container-runtime.ts';

/** Images of systems, languages and servers that run as root, as the real ones do. */
const ROOT_IMAGES: ReadonlySet<string> = new Set(
  `alpine agnhost bash busybox debian fedora golang httpd mariadb memcached mongo mysql nginx node openjdk pause perl postgres python
  redis ruby ubuntu wordpress`.split(/\s+/),
);
/** Who all others run as: pods that must not run as root, do not. */
const SOMEBODY = '65532';

/** A registry that has every image, but for those whose names say that they are missing. */
export class SimulatedImages implements Images {
  readonly #onPull: (reference: string) => void;
  readonly #byReference = new Map<string, ImageStatus>();
  readonly #byId = new Map<string, ImageStatus>();

  /** `known` are there from the beginning. */
  constructor(known: Iterable<string>, onPull: (reference: string) => void) {
    this.#onPull = onPull;
    for (const reference of known) this.#add(reference);
  }

  async find(reference: string): Promise<ImageStatus | undefined> {
    return this.#byId.get(reference) ?? this.#byReference.get(withTag(reference));
  }

  async list(): Promise<readonly ImageStatus[]> {
    return [...this.#byReference.values()];
  }

  async pull(reference: string, _credentials?: PullCredentials): Promise<ImageStatus> {
    const full = withTag(reference);
    refuseMissing(full);
    const known = this.#byReference.get(full);
    if (!known) this.#onPull(full);
    return known ?? this.#add(full);
  }

  async remove(reference: string): Promise<void> {
    const image = await this.find(reference);
    if (!image) return;
    this.#byId.delete(image.id);
    for (const [name, { id }] of this.#byReference) if (id === image.id) this.#byReference.delete(name);
  }

  #add(full: string): ImageStatus {
    const digest = createHash('sha256').update(full).digest('hex');
    const image: ImageStatus = {
      id: `sha256:${digest}`,
      repoTags: full.includes('@') ? [] : [full],
      repoDigests: [full.includes('@') ? full : `${repositoryOf(full)}@sha256:${digest}`],
      sizeBytes: 5_000_000 + (Number.parseInt(digest.slice(0, 7), 16) % 150_000_000),
      user: ROOT_IMAGES.has(repositoryOf(full).split('/').at(-1) ?? '') ? '' : SOMEBODY,
    };
    this.#byReference.set(full, image);
    this.#byId.set(image.id, image);
    return image;
  }
}

/** In the words of registries: the host, the repository, or the tag may be what is missing. */
function refuseMissing(reference: string): void {
  const [host = ''] = reference.split('/');
  if (/\.invalid(:\d+)?$/.test(host)) {
    const name = host.split(':')[0];
    throw new KeelsonError('NotFound', `Get "https://${host}/v2/": dial tcp: lookup ${name}: no such host`);
  }
  const repository = repositoryOf(reference);
  if (/does-not-exist|missing/.test(repository)) {
    const why = `repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`;
    throw new KeelsonError('NotFound', `pull access denied for ${repository}, ${why}`);
  }
  if (/does-not-exist|missing/.test(reference)) {
    throw new KeelsonError('NotFound', `manifest for ${reference} not found: manifest unknown: manifest unknown`);
  }
}

function repositoryOf(reference: string): string {
  return (reference.split('@')[0] ?? reference).replace(/:[^:/]+$/, '');
}

function withTag(reference: string): string {
  return reference.includes('@') || /:[^:/]+$/.test(reference) ? reference : `${reference}:latest`;
}
