import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A network between a store and a member of etcd that can fail in every way. */
export class Gate implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>();
  #isShut = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async before(endpoint: string): Promise<Gate> {
    const { hostname, port } = new URL(endpoint);
    const server = createServer({ pauseOnConnect: true });
    const gate = new Gate(server);
    server.on('connection', (near) => gate.#join(near, connect(Number(port), hostname)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return gate;
  }

  get endpoint(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** True if somebody is connected through it. */
  get isUsed(): boolean {
    return this.#pairs.size > 0;
  }

  /** Breaks all connections, and each new one, until `open`. */
  shut(): void {
    this.#isShut = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  open(): void {
    this.#isShut = false;
  }

  /** What is asked reaches the member; what it answers is lost, and so are its signs of life. */
  loseAnswers(): void {
    for (const [near, far] of this.#pairs) {
      far.unpipe(near);
      far.resume();
    }
  }

  /** Nothing goes through in either direction, and nobody is told. */
  freeze(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.shut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(near: Socket, far: Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    if (this.#isShut) near.destroy();
    else near.pipe(far).pipe(near);
  }
}
