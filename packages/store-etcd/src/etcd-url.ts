import { readFile } from 'node:fs/promises';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { EtcdStoreOptions, EtcdTls } from './options.ts';

const DEFAULT_PORT = 2379;
const FILES = { ca: 'ca', cert: 'certificate', key: 'privateKey' } as const satisfies Record<string, keyof EtcdTls>;
const PARAMETERS = new Set([...Object.keys(FILES), 'user', 'password', 'server-name', 'tls']);

type UrlOptions = Pick<EtcdStoreOptions, 'endpoints' | 'tls' | 'user'>;

/**
 * The options that a URL stands for: `etcd://HOST:PORT,HOST:PORT?ca=FILE&cert=FILE&key=FILE&user=NAME&password=TEXT`. With `ca`, `cert`,
 * `server-name` or `tls=true` members are spoken with over TLS. Files are PEM. `BadRequest` says what is wrong.
 */
export async function etcdOptionsOf(url: string): Promise<UrlOptions> {
  const refuse = (why: string, cause?: unknown): KeelsonError =>
    new KeelsonError('BadRequest', `Cannot use "${withoutPassword(url)}" as a store: ${why}`, { cause });
  const [, hosts = '', query = ''] = /^etcd:\/\/([^/?#]*)\/?(?:\?(.*))?$/.exec(url) ?? [];
  if (hosts === '') throw refuse('etcd://HOST:PORT,HOST:PORT?ca=FILE&cert=FILE&key=FILE is expected');
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!PARAMETERS.has(name)) throw refuse(`there is no parameter "${name}"; there are ${[...PARAMETERS].join(', ')}`);
  }
  const tls = await tlsOf(parameters).catch((error: unknown) => {
    throw refuse(errorMessage(error), error);
  });
  const isSecure = Object.keys(tls).length > 0 || parameters.get('tls') === 'true';
  const endpoints = hosts.split(',').map((host) => {
    const { hostname, port, username } = URL.parse(`etcd://${host}`) ?? { hostname: '' };
    if (hostname === '' || username !== '') throw refuse(`"${host}" is no HOST:PORT`);
    return `${isSecure ? 'https' : 'http'}://${hostname}:${port || DEFAULT_PORT}`;
  });
  const name = parameters.get('user');
  const user = name === null ? undefined : { name, password: parameters.get('password') ?? '' };
  return { endpoints, ...(isSecure && { tls }), ...(user && { user }) };
}

async function tlsOf(parameters: URLSearchParams): Promise<EtcdTls> {
  const tls: { -readonly [K in keyof EtcdTls]: EtcdTls[K] } = {};
  for (const [name, option] of Object.entries(FILES)) {
    const file = parameters.get(name);
    if (file !== null) tls[option] = await readFile(file, 'utf8');
  }
  const serverName = parameters.get('server-name');
  if (serverName !== null) tls.serverName = serverName;
  return tls;
}

function withoutPassword(url: string): string {
  return url.replace(/([?&]password=)[^&]*/g, '$1...');
}
