import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import { handlePortForwardUpgrade } from '../port-forward.ts';
import { handleRemoteCommandUpgrade } from '../remote-command.ts';
import { webSocketKey, webSocketRequestHeaders } from '../websocket/handshake.ts';
import type { PortForwardTarget, RemoteCommand, RemoteSession } from '../remote-session.ts';

/** A server on loopback that hands each upgrade to the code under test. */
export class StreamServer implements AsyncDisposable {
  readonly #server = createServer((_request, response) => response.writeHead(404).end());
  readonly #sockets = new Set<Duplex>();

  static async serve(target: { command?: RemoteCommand; ports?: PortForwardTarget }): Promise<StreamServer> {
    const server = new StreamServer();
    server.#server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      server.#sockets.add(socket);
      if (target.command) void handleRemoteCommandUpgrade(incoming, socket, head, target.command);
      if (target.ports) void handlePortForwardUpgrade(incoming, socket, head, target.ports);
    });
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The connection after a WebSocket handshake. */
  async websocket(protocols: string[], query = ''): Promise<Duplex> {
    const headers = webSocketRequestHeaders(webSocketKey(), protocols);
    const answer = await this.upgrade(headers, { method: 'GET', path: `/${query}` });
    if (!('socket' in answer)) throw new Error(`refused: ${answer.text}`);
    return answer.socket;
  }

  /** Sends an upgrade request; gives the connection, or the refusal's code and text. */
  async upgrade(
    headers: Record<string, string>,
    { method = 'POST', path = '/' } = {},
  ): Promise<{ socket: Duplex; response: IncomingMessage } | { code: number; text: string }> {
    const call = request({ port: this.port, host: '127.0.0.1', method, path, headers });
    call.end();
    return new Promise((resolve, reject) => {
      call.once('error', reject);
      call.once('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve({ socket, response });
      });
      call.once('response', (response) => {
        readText(response).then((text) => resolve({ code: response.statusCode ?? 0, text }), reject);
      });
    });
  }

  async spdy(protocol: string): Promise<Duplex> {
    const answer = await this.upgrade({ Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocol });
    if (!('socket' in answer)) throw new Error(`refused: ${answer.text}`);
    return answer.socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A process that a test plays by hand. */
export class PlayedProcess {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly sizes: string[] = [];
  closes = 0;
  #exit: (code: number) => void = () => undefined;
  readonly #exitCode = new Promise<number>((resolve) => (this.#exit = resolve));

  exit(code: number): void {
    this.stdout.end();
    this.stderr.end();
    this.#exit(code);
  }

  command(flags: Partial<RemoteCommand> = {}): RemoteCommand {
    const options = { stdin: true, stdout: true, stderr: true, tty: false, ...flags };
    const session: RemoteSession = {
      stdin: options.stdin ? this.stdin : undefined,
      stdout: this.stdout,
      stderr: options.tty ? undefined : this.stderr,
      resize: async (columns, rows) => void this.sizes.push(`${columns}x${rows}`),
      exitCode: this.#exitCode,
      close: () => {
        this.closes += 1;
      },
    };
    return { open: async () => session, ...options };
  }
}

export async function readText(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.toString();
  return text;
}
