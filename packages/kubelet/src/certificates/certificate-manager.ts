import { Backoff, errorMessage, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import { namesHosts } from '@keelson/pki';
import { BehaviorSubject, filter, firstValueFrom, type Observable } from 'rxjs';
import { issueCertificate, type WantedCertificate } from './issue.ts';
import { loadKeyPair, saveKeyPair, type KeyPair } from './key-pair.ts';

export interface CertificateManagerDependencies {
  /** By whom the next certificate is asked for: asked each time, since it may be known by the last one itself. */
  readonly client: () => Client;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface CertificateManagerOptions {
  readonly name: string;
  /** Where it is kept. */
  readonly file: string;
  readonly wanted: WantedCertificate;
  /** From 0 to 1: when in the span from 70 % to 90 % of its life a certificate is replaced. Default: at random. */
  readonly random?: () => number;
}

const RETRY = { initialMs: 2000, maxMs: 300_000, jitter: 0.1 };

/** Keeps one certificate: taken from its file, asked for if there is none that holds, and replaced before it ends. */
export class CertificateManager implements Runnable {
  readonly name: string;
  readonly #deps: CertificateManagerDependencies;
  readonly #options: CertificateManagerOptions;
  readonly #tasks: TaskGroup;
  readonly #current = new BehaviorSubject<KeyPair | undefined>(undefined);
  readonly #backoff = new Backoff(RETRY);
  #timer: Disposable | undefined;
  #replacedAtMs: number | undefined;

  constructor(deps: CertificateManagerDependencies, options: CertificateManagerOptions) {
    this.name = `certificate ${options.name}`;
    this.#deps = deps;
    this.#options = options;
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** Also one that has ended, as long as there is no other. */
  get current(): KeyPair | undefined {
    return this.#current.value;
  }

  /** Replays the last one; never errors, and completes when the manager stops. */
  get certificates$(): Observable<KeyPair> {
    return this.#current.pipe(filter((pair) => pair !== undefined));
  }

  /** When the current one is replaced, if there is one. */
  get replacedAtMs(): number | undefined {
    return this.#replacedAtMs;
  }

  /** Resolves when it is known whether there is one; what is missing is asked for in the background, on and on. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const kept = await loadKeyPair(this.#options.file);
    const { dnsNames = [], ipAddresses = [] } = this.#options.wanted.names;
    const isGood = kept !== undefined && kept.notAfterMs > this.#deps.clock.now();
    // A node that has got another address serves under that from now on.
    if (isGood && namesHosts(kept.certificate, [...dnsNames, ...ipAddresses])) this.#take(kept);
    else this.#replace();
  }

  async stop(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    await this.#tasks.stop();
    this.#current.complete();
  }

  /** Resolves when there is one. Rejects with the signal's reason. */
  async ready(signal: AbortSignal): Promise<KeyPair> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([firstValueFrom(this.certificates$), aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #take(pair: KeyPair): void {
    this.#backoff.reset();
    this.#current.next(pair);
    const { random = Math.random } = this.#options;
    this.#replacedAtMs = pair.notBeforeMs + (pair.notAfterMs - pair.notBeforeMs) * (0.7 + 0.2 * random());
    this.#replaceLater(Math.max(0, this.#replacedAtMs - this.#deps.clock.now()));
  }

  #replaceLater(delayMs: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#deps.clock.after(delayMs, () => this.#replace());
  }

  #replace(): void {
    this.#tasks.run(this.name, async (signal) => {
      const { client, clock, logger } = this.#deps;
      const { file, wanted } = this.#options;
      try {
        const pair = await issueCertificate({ client: client(), clock }, wanted, signal);
        await saveKeyPair(file, pair);
        logger.info('certificate was issued', {
          certificate: this.#options.name,
          until: new Date(pair.notAfterMs).toISOString(),
        });
        this.#take(pair);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn('certificate could not be had', { certificate: this.#options.name, error: errorMessage(error) });
        this.#replaceLater(this.#backoff.next());
      }
    });
  }
}
