import type { Secret } from '@keelson/api/core/v1';
import type { PullCredentials } from '@keelson/runtime';

interface Auth {
  readonly username?: string;
  readonly password?: string;
  /** `username:password` in base64. */
  readonly auth?: string;
}

const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/**
 * Pure: the credentials of a pull secret that fit an image, those that name it most closely first. Keys are hosts, with a port and a path if
 * they like; `*` stands for one part of a host. A secret that cannot be read has none.
 */
export function credentialsOf({ data = {} }: Secret, image: string): readonly PullCredentials[] {
  const target = targetOf(image);
  return Object.entries(authsOf(data))
    .map(([server, auth]) => ({ server, auth, ...splitServer(server) }))
    .filter(({ host, path }) => hostMatches(host, target.host) && pathMatches(path, target.path))
    .toSorted((a, b) => b.path.length - a.path.length)
    .map(({ server, auth }) => ({ ...userOf(auth), serverAddress: server }));
}

function authsOf(data: Readonly<Record<string, string>>): Readonly<Record<string, Auth>> {
  const parse = (encoded: string): unknown => {
    try {
      return JSON.parse(Buffer.from(encoded, 'base64').toString());
    } catch {
      return undefined; // A broken secret is no reason not to try without.
    }
  };
  const { '.dockerconfigjson': config, '.dockercfg': older } = data;
  if (config !== undefined) return (parse(config) as { auths?: Record<string, Auth> } | undefined)?.auths ?? {};
  return older === undefined ? {} : ((parse(older) as Record<string, Auth> | undefined) ?? {});
}

function userOf({ username, password, auth }: Auth): { readonly username: string; readonly password: string } {
  if (username !== undefined) return { username, password: password ?? '' };
  const [user = '', ...rest] = Buffer.from(auth ?? '', 'base64')
    .toString()
    .split(':');
  return { username: user, password: rest.join(':') };
}

function targetOf(image: string): { readonly host: string; readonly path: string } {
  const [first = '', ...rest] = image.split('/');
  const hasHost = rest.length > 0 && /[.:]|^localhost$/.test(first);
  if (hasHost) return { host: first, path: rest.join('/') };
  return { host: 'docker.io', path: rest.length > 0 ? image : `library/${image}` };
}

function splitServer(server: string): { readonly host: string; readonly path: string } {
  const [host = '', ...path] = server.replace(/^https?:\/\//, '').split('/');
  // Docker Hub's own key names a version of its API.
  return { host, path: path.join('/').replace(/^v[12]\/?$/, '') };
}

function hostMatches(pattern: string, host: string): boolean {
  if (DOCKER_HUB.includes(host)) return DOCKER_HUB.includes(pattern);
  const [patternName = '', patternPort] = pattern.split(':');
  const [name = '', port] = host.split(':');
  if (patternPort !== port) return false;
  const [wanted, parts] = [patternName.split('.'), name.split('.')];
  return wanted.length === parts.length && wanted.every((part, at) => part === '*' || part === parts[at]);
}

function pathMatches(prefix: string, path: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`) || path.startsWith(`${prefix}:`);
}
