import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { handlePortForwardUpgrade } from '../port-forward.ts';
import { handleRemoteCommandUpgrade } from '../remote-command.ts';
import type { RemoteCommand, RemoteSession } from '../remote-session.ts';

const CONTAINERS = [{ name: 'main', image: 'none', stdin: true }];
const POD = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'web', namespace: 'default' },
  spec: { containers: CONTAINERS },
  status: { phase: 'Running' },
};
const VERBS = ['get', 'list', 'watch', 'create'];
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
  '/api/v1': {
    kind: 'APIResourceList',
    groupVersion: 'v1',
    resources: [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: VERBS, shortNames: ['po'] }],
  },
  '/api/v1/namespaces/default/pods/web': POD,
};
const STREAM_PATH = /^\/api\/v1\/namespaces\/default\/pods\/web\/(exec|attach|portforward)$/;

/**
 * As much of an API server as kubectl needs to reach the one pod `web`, whose container is this machine: exec runs commands here,
 * port-forward dials loopback. With `played`, exec and attach join that instead.
 */
export class PodServer implements AsyncDisposable {
  /** The upgrades that came in: protocol and what was asked for. */
  readonly upgrades: string[] = [];
  /** Exit codes or signals of the commands that have ended. */
  readonly ended: string[] = [];
  readonly #played: RemoteSession | undefined;
  readonly #refuseWebSocket: boolean;
  readonly #server = createServer((request, response) => this.#answer(request, response));
  readonly #sockets = new Set<Duplex>();

  private constructor({ played, refuseWebSocket = false }: { played?: RemoteSession; refuseWebSocket?: boolean }) {
    this.#played = played;
    this.#refuseWebSocket = refuseWebSocket;
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#sockets.add(socket);
      void this.#upgrade(request, socket, head);
    });
  }

  static async serve(options: { played?: RemoteSession; refuseWebSocket?: boolean } = {}): Promise<PodServer> {
    const server = new PodServer(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ url = '' }: IncomingMessage, response: ServerResponse): void {
    const body = ANSWERS[url.split('?')[0] ?? ''];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }));
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://pod');
    const [, subresource = ''] = STREAM_PATH.exec(pathname) ?? [];
    this.upgrades.push(`${request.headers.upgrade} ${subresource}`);
    if (subresource === '' || (this.#refuseWebSocket && request.headers.upgrade === 'websocket')) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    if (subresource === 'portforward') {
      return handlePortForwardUpgrade(request, socket, head, { open: (port) => dial(port) });
    }
    const isOn = (name: string): boolean => query.get(name) === 'true';
    const tty = isOn('tty');
    const flags = { stdin: isOn('stdin'), stdout: isOn('stdout'), stderr: isOn('stderr') && !tty, tty };
    const command: RemoteCommand = { ...flags, open: () => this.#open(subresource, query.getAll('command')) };
    return handleRemoteCommandUpgrade(request, socket, head, command);
  }

  async #open(subresource: string, [file = '', ...args]: string[]): Promise<RemoteSession> {
    if (this.#played) return this.#played;
    if (subresource === 'attach') throw new Error('nothing to attach to');
    return this.#run(file, args);
  }

  #run(file: string, args: readonly string[]): RemoteSession {
    const child = spawn(file, args, { stdio: 'pipe' });
    child.stdin.on('error', () => undefined); // A command may end without reading its input.
    const exitCode = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.ended.push(String(code ?? signal));
        resolve(code ?? 137);
      });
    });
    exitCode.catch(() => undefined);
    const { stdin, stdout, stderr } = child;
    return { stdin, stdout, stderr, resize: async () => undefined, exitCode, close: () => void child.kill('SIGKILL') };
  }
}

async function dial(port: number): Promise<Duplex> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}
