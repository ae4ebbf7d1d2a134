import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Node } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { ApiRequest } from '../request/api-request.ts';
import type { RequestInfo } from '../request/request-info.ts';
import type { ConnectResult } from '../response/api-result.ts';
import { kubeletAddress, type KubeletConnection } from '../streams/kubelet-connection.ts';
import type { ConnectRequest, SubresourceConnector } from '../subresources/connector.ts';
import { forward, type Backend } from './forward.ts';
import { ProxyTargets, type ProxyTarget } from './proxy-targets.ts';

export interface ProxiesDependencies {
  readonly kubelets: KubeletConnection;
  /** Reads pods, services, endpoints and nodes. A function, since the server that gives it is made with this. */
  readonly transport: () => Transport;
  /** Connects to a pod's or node's address. By default over the network of this machine. */
  readonly dial?: (host: string, port: number) => Socket;
}

const DIAL_TIMEOUT_MS = 30_000;

/** `proxy` of pods, services and nodes: any request to any path of theirs, with the rights of who sends it to the API server. */
export class Proxies implements SubresourceConnector {
  readonly subresources = ['pods/proxy', 'services/proxy', 'nodes/proxy'];
  readonly anyMethod = true;
  readonly #deps: ProxiesDependencies;

  constructor(deps: ProxiesDependencies) {
    this.#deps = deps;
  }

  async connect({ request, info }: ConnectRequest): Promise<ConnectResult> {
    const [prefix, rest] = splitPath(request.path, info);
    if (rest === '' && (request.method === 'GET' || request.method === 'HEAD')) return toSlash(request);
    const backend = this.#backendOf(await this.#targetOf(info));
    const path = (rest === '' ? '/' : rest) + request.query.search;
    return {
      type: 'connect',
      serve: (exchange) => forward({ backend, prefix, path, dialTimeoutMs: DIAL_TIMEOUT_MS }, exchange),
    };
  }

  #targetOf({ resource, namespace = '', name = '' }: RequestInfo): Promise<ProxyTarget> {
    const targets = new ProxyTargets(this.#deps.transport());
    if (resource === 'pods') return targets.pod(namespace, name);
    return resource === 'services' ? targets.service(namespace, name) : targets.node(name);
  }

  #backendOf(target: ProxyTarget): Backend {
    return target.type === 'kubelet' ? this.#kubelet(target.node) : this.#address(target);
  }

  #kubelet(node: Node): Backend {
    const { host, port } = kubeletAddress(node);
    return {
      address: hostPort(host, port),
      open: (request) => this.#deps.kubelets.open({ ...request, node }, { agent: false }),
    };
  }

  /** Certificates are not checked: addresses come and go, and certificates name services, if anything. */
  #address({ scheme, host, port }: Extract<ProxyTarget, { type: 'address' }>): Backend {
    const { dial = dialTcp } = this.#deps;
    const isHttps = scheme === 'https';
    const createConnection = (): Socket =>
      isHttps ? connectTls({ socket: dial(host, port), rejectUnauthorized: false }) : dial(host, port);
    const send = isHttps ? httpsRequest : httpRequest;
    return {
      address: hostPort(host, port),
      // Without an agent, each request has a connection of its own.
      open: (request) => send({ ...request, host, port, createConnection }),
    };
  }
}

function dialTcp(host: string, port: number): Socket {
  const socket = connect({ host, port });
  const late = (): void => void socket.destroy(Object.assign(new Error('i/o timeout'), { code: 'ETIMEDOUT' }));
  socket.setTimeout(DIAL_TIMEOUT_MS, late);
  socket.once('connect', () => socket.setTimeout(0).off('timeout', late));
  return socket;
}

function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Takes the path apart behind `/proxy`, and leaves the rest as it was sent. */
function splitPath(path: string, { namespace }: RequestInfo): [prefix: string, rest: string] {
  // /api/v1/namespaces/NAMESPACE/pods/NAME/proxy, or /api/v1/nodes/NAME/proxy
  const slashes = namespace === undefined ? 6 : 8;
  let at = -1;
  for (let seen = 0; seen < slashes; seen += 1) {
    at = path.indexOf('/', at + 1);
    if (at < 0) return [path, ''];
  }
  return [path.slice(0, at), path.slice(at)];
}

/** Pages link to what is beside them, so their path must end in a slash. */
function toSlash({ path, query }: ApiRequest): ConnectResult {
  return {
    type: 'connect',
    serve: async ({ response }) => {
      if (!response) throw new KeelsonError('BadRequest', 'Upgrade request required');
      response.setHeader('Location', `${path}/${query.search}`);
      response.statusCode = 301;
      response.end();
    },
  };
}
