import { apiVersionOf } from '@keelson/api';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import { servedResources, type ServedResource } from './served-resources.ts';

/** How often the server is asked anew what it offers, for kinds that were not there. */
const REFRESH_MS = 30_000;

/** Finds resources by the names of their kinds. Remembers what the server offers. */
export class ServedKinds {
  readonly #client: Client;
  readonly #clock: Clock;
  #served: readonly ServedResource[] = [];
  #askedMs = -Infinity;

  constructor({ client, clock }: { readonly client: Client; readonly clock: Clock }) {
    this.#client = client;
    this.#clock = clock;
  }

  /** `undefined` if the server offers none. Rejects if it cannot be asked. */
  async find(apiVersion: string, kind: string): Promise<ServedResource | undefined> {
    const isWanted = (each: ServedResource): boolean => each.kind === kind && apiVersionOf(each) === apiVersion;
    const known = this.#served.find(isWanted);
    if (known || this.#clock.monotonic() - this.#askedMs < REFRESH_MS) return known;
    this.#askedMs = this.#clock.monotonic();
    this.#served = (await servedResources(this.#client.transport)).versions;
    return this.#served.find(isWanted);
  }
}
