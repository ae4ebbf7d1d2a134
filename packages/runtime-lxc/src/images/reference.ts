import { KeelsonError } from '@keelson/base';

/** The name of an image, taken apart. */
export interface ImageReference {
  /** `docker.io` where none is written. */
  readonly registry: string;
  /** Without the registry: `library/nginx` for `nginx`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const DEFAULT_REGISTRY = 'docker.io';
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** As Docker reads it: the first part is a registry if it looks like one; `latest` where there is neither tag nor digest. */
export function parseReference(text: string): ImageReference {
  const [name = '', digest] = text.split('@');
  const [, path = name, tag] = /^(.*?)(?::([^/:]+))?$/.exec(name) ?? [];
  const [first = '', ...rest] = path.split('/');
  const isRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = isRegistry ? first : DEFAULT_REGISTRY;
  const written = isRegistry ? rest.join('/') : path;
  const repository = registry === DEFAULT_REGISTRY && !written.includes('/') ? `library/${written}` : written;
  const isGood =
    REPOSITORY.test(repository) && (tag === undefined || TAG.test(tag)) && (digest === undefined || DIGEST.test(digest));
  if (!isGood) throw new KeelsonError('BadRequest', `Failed to apply default image tag "${text}": invalid reference format`);
  if (digest !== undefined) return { registry, repository, digest };
  return { registry, repository, tag: tag ?? 'latest' };
}

/** The shortest way to write it, by which images are listed. */
export function familiarName({ registry, repository }: ImageReference): string {
  if (registry !== DEFAULT_REGISTRY) return `${registry}/${repository}`;
  return repository.replace(/^library\//, '');
}

export function familiarReference(reference: ImageReference): string {
  const { tag, digest } = reference;
  return digest === undefined ? `${familiarName(reference)}:${tag}` : `${familiarName(reference)}@${digest}`;
}
