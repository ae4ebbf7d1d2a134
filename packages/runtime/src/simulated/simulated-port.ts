import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { duplexPair, type Duplex } from 'node:stream';

export interface PortOwner {
  readonly pod: string;
  isHealthy(): boolean;
}

const HTTP = /^[A-Z]+ \S+ HTTP\/1\.[01]/;
const HTTP2 = /^PRI \* HTTP\/2/;
/** `grpc.health.v1.HealthCheckResponse` with SERVING, in its frame. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1]);
const NOT_SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 2]);

/**
 * What listens on every port of every simulated pod: it answers HTTP with the pod's name (503 if it is not healthy) and gRPC health checks,
 * and sends all other bytes back.
 */
export class SimulatedPorts {
  readonly #owners = new WeakMap<object, PortOwner>();
  readonly #http = createHttp((request, response) => this.#answer(request, response));

  /** A connection to any port of the pod. */
  open(owner: PortOwner): Duplex {
    const [near, far] = duplexPair();
    far.once('data', (first: Buffer) => {
      far.pause();
      far.unshift(first);
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
