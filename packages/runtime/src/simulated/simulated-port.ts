import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { duplexPair, type Duplex } from 'node:stream';
import { createSecureContext, TLSSocket, type SecureContext } from 'node:tls';
import { createAuthority } from '@keelson/pki';

export interface PortOwner {
  readonly pod: string;
  isHealthy(): boolean;
}

const HTTP = /^[A-Z]+ \S+ HTTP\/1\.[01]/;
/** How a client that wants TLS begins. */
const TLS_HELLO = Buffer.from([0x16, 0x03]);
const HTTP2 = /^PRI \* HTTP\/2/;
/** `grpc.health.v1.HealthCheckResponse` with SERVING, in its frame. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const NOT_SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 2]);

/**
 * What listens on every port of every simulated pod: it answers HTTP and HTTPS with the pod's name (503 if it is not healthy) and gRPC health
 * checks, and sends all other bytes back.
 */
export class SimulatedPorts {
  readonly #owners = new WeakMap<object, PortOwner>();
  #secure: Promise<SecureContext> | undefined;
  readonly #http = createHttp((request, response) => this.#answer(request, response));

  /** A connection to any port of the pod. */
  open(owner: PortOwner): Duplex {
    const [near, far] = duplexPair();
    far.once('data', (first: Buffer) => {
      far.pause();
      far.unshift(first);
      if (first.subarray(0, TLS_HELLO.length).equals(TLS_HELLO)) {
        this.#serveTls(far, owner).catch((error: Error) => far.destroy(error));
        return;
      }
      const text = first.toString('latin1', 0, 1024);
      if (HTTP.test(text)) this.#serveHttp(far, owner);
      else if (HTTP2.test(text)) serveGrpc(far, owner);
      else far.pipe(far);
    });
    far.on('error', () => far.destroy());
    near.once('close', () => far.destroy());
    return near;
  }

  close(): void {
    this.#http.closeAllConnections();
  }

  async #serveTls(connection: Duplex, owner: PortOwner): Promise<void> {
    this.#secure ??= selfSigned();
    const secureContext = await this.#secure;
    if (connection.destroyed) return;
    const plain = new TLSSocket(connection, { isServer: true, secureContext });
    plain.on('error', () => connection.destroy());
    this.#serveHttp(plain, owner);
  }

  #serveHttp(connection: Duplex, owner: PortOwner): void {
    this.#owners.set(connection, owner);
    this.#http.emit('connection', connection);
    connection.resume();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const owner = this.#owners.get(request.socket);
    const isHealthy = owner?.isHealthy() ?? false;
    request.resume();
    response.writeHead(isHealthy ? 200 : 503, { 'content-type': 'text/plain' });
    response.end(isHealthy ? `${owner?.pod} (simulated): ${request.method} ${request.url}\n` : 'not healthy (simulated)\n');
  }
}

/** A certificate that nobody trusts, as most programs make at their first start. */
async function selfSigned(): Promise<SecureContext> {
  const authority = await createAuthority({ commonName: 'simulated' });
  const { certificate, privateKey } = await authority.issue({ commonName: 'simulated', usages: ['server'] });
  return createSecureContext({ cert: certificate, key: privateKey });
}

/** The types say `Socket`, but any stream will do. */
function serveGrpc(connection: Duplex, owner: PortOwner): void {
  const session = performServerHandshake(connection as Parameters<typeof performServerHandshake>[0]);
  session.on('stream', (stream) => answerCheck(stream, owner));
  session.on('error', () => session.destroy());
}

function answerCheck(stream: ServerHttp2Stream, owner: PortOwner): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.on('error', () => stream.destroy());
  stream.resume();
  stream.end(owner.isHealthy() ? SERVING : NOT_SERVING);
}
