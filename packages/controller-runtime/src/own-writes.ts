import { errorMessage, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { ReconcileContext } from './controller.ts';
import type { InformerFactory } from './informer-factory.ts';
import { WriteFence } from './write-fence.ts';

interface Dependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
}

/** How long a cache is waited for. A server that was set back to an older state never shows what was written to the newer one. */
const LONGEST_WAIT_MS = 30_000;

/** The fences of the keys of one controller. */
export class OwnWrites {
  readonly #dependencies: Dependencies;
  readonly #fences = new Map<string, WriteFence>();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** The fence of a key, once caches show what was written through it before. */
  async settle(key: string, context: ReconcileContext): Promise<WriteFence> {
    const { client, informers } = this.#dependencies;
    let fence = this.#fences.get(key);
    if (!fence) this.#fences.set(key, (fence = new WriteFence(client.transport, informers)));
    if (!fence.isSettled) await this.#wait(fence, context);
    return fence;
  }

  /** For objects that are gone. */
  forget(key: string): void {
    this.#fences.delete(key);
  }

  async #wait(fence: WriteFence, { signal, logger }: ReconcileContext): Promise<void> {
    const limit = new AbortController();
    using _timer = this.#dependencies.clock.after(LONGEST_WAIT_MS, () => limit.abort(new Error('it took too long')));
    try {
      await fence.settled(AbortSignal.any([signal, limit.signal]));
    } catch (error) {
      signal.throwIfAborted();
      logger.warn('caches do not show what was written; going on without', { error: errorMessage(error) });
      fence.forget();
    }
  }
}
