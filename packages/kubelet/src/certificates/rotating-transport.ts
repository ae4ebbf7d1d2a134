import { KeelsonError } from '@keelson/base';
import type { Transport } from '@keelson/client';

/** A transport that may be replaced under those who use it. */
export class RotatingTransport implements Transport {
  #current: Transport | undefined;

  /** The one before is closed: its connections were let in by what is no longer to be used. Watches break, and begin again. */
  async use(next: Transport): Promise<void> {
    const before = this.#current;
    this.#current = next;
    await before?.close();
  }

  request(call: Parameters<Transport['request']>[0]): ReturnType<Transport['request']> {
    return this.#now((transport) => transport.request(call));
  }

  watch(call: Parameters<Transport['watch']>[0]): ReturnType<Transport['watch']> {
    return this.#transport().watch(call);
  }

  stream(call: Parameters<Transport['stream']>[0]): ReturnType<Transport['stream']> {
    return this.#now((transport) => transport.stream(call));
  }

  upgrade(...args: Parameters<Transport['upgrade']>): ReturnType<Transport['upgrade']> {
    return this.#now((transport) => transport.upgrade(...args));
  }

  async close(): Promise<void> {
    const before = this.#current;
    this.#current = undefined;
    await before?.close();
  }

  async #now<T>(call: (transport: Transport) => Promise<T>): Promise<T> {
    return call(this.#transport());
  }

  #transport(): Transport {
    if (this.#current) return this.#current;
    throw new KeelsonError('ServiceUnavailable', 'There are no credentials for the API server yet');
  }
}
