import { KeelsonError } from '@keelson/base';

/** Where a Docker engine listens. */
export type EngineAddress =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'tcp'; readonly host: string; readonly port: number };

export const DEFAULT_SOCKET = '/var/run/docker.sock';
const DEFAULT_PORT = 2375;

/** Reads an address as Docker writes it in `DOCKER_HOST`: `unix:///path` or `tcp://host:port`; a bare path is a socket. */
export function engineAddress(host = process.env['DOCKER_HOST'] || `unix://${DEFAULT_SOCKET}`): EngineAddress {
  if (host.startsWith('/')) return { type: 'unix', path: host };
  const [, scheme = '', rest = ''] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) return { type: 'unix', path: rest };
  if (scheme === 'tcp' || scheme === 'http') {
    const { hostname, port } = new URL(`http://${rest}`);
    return { type: 'tcp', host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? DEFAULT_PORT : Number(port) };
  }
  throw new KeelsonError('BadRequest', `"${host}" is no address of a Docker engine: unix:///path or tcp://host:port is`);
}

export function addressText(address: EngineAddress): string {
  return address.type === 'unix' ? `unix://${address.path}` : `tcp://${address.host}:${address.port}`;
}
