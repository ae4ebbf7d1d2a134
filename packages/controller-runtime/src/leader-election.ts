import { formatMicroTime } from '@keelson/api';
import { Lease, type LeaseSpec } from '@keelson/api/coordination/v1';
import { errorMessage, isReason, KeelsonError, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client, ResourceClient } from '@keelson/client';
import { BehaviorSubject, distinctUntilChanged, type Observable } from 'rxjs';

export interface LeaderElectionOptions {
  readonly leaseName: string;
  readonly namespace: string;
  /** Tells the candidates apart: two with the same one would both lead. */
  readonly identity: string;
  /** How long others wait after the last sign of life. Default 15 s. */
  readonly leaseDurationMs?: number;
  /** A leader that cannot renew for so long steps down. Less than `leaseDurationMs`. Default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Between two tries. Less than `renewDeadlineMs`. Default 2 s. */
  readonly retryPeriodMs?: number;
}

export interface LeadershipCallbacks {
  /** `signal` aborts when the leadership ends. What it throws ends the leadership. */
  readonly onStartedLeading: (signal: AbortSignal) => Promise<void> | void;
  /** The lease is given up only after this has resolved, so that two leaders never work at once. */
  readonly onStoppedLeading: () => Promise<void> | void;
}

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/** Of the waits between two tries to become the leader, so that candidates do not come all at once. */
const JITTER = 1.2;

/**
 * Makes one of several candidates the leader, by client-go's rules on a Lease: a candidate believes its own clock alone, and takes a lease over
 * that it has seen unchanged for the lease's duration. It leads once; after that it is over, as a process is that lost its lease.
 * Not a fence: what a leader that was paused had already sent may still arrive.
 */
export class LeaderElector implements Runnable {
  readonly name: string;
  readonly #leases: ResourceClient<Lease>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #options: Required<LeaderElectionOptions> & LeadershipCallbacks;
  readonly #tasks: TaskGroup;
  readonly #leader = new BehaviorSubject<string | undefined>(undefined);
  /** The lease as it was seen last, and when by our clock it was first seen so. */
  #observed: Lease | undefined;
  #observedMs = 0;
  #leads = false;
  #renewedMs = 0;

  constructor(
    { client, clock, logger, random = Math.random }: Dependencies,
    options: LeaderElectionOptions & LeadershipCallbacks,
  ) {
    this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs, leaseName } = this.#options;
    if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs * JITTER) {
      const times = `${leaseDurationMs} ms, ${renewDeadlineMs} ms, ${retryPeriodMs} ms`;
      throw new KeelsonError(
        'BadRequest',
        `Leader election needs lease duration > renew deadline > 1.2 * retry period, got ${times}`,
      );
    }
    this.name = `leader election of ${leaseName}`;
    this.#leases = client.resource(Lease);
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger.child({ lease: leaseName, identity: options.identity });
    this.#tasks = new TaskGroup(this.#logger);
  }

  /** False as soon as another may have taken over by our own clock, even if we could not notice it yet. */
  get isLeader(): boolean {
    return this.#leads && this.#clock.monotonic() - this.#renewedMs < this.#options.leaseDurationMs;
  }

  /** Who is known to lead. Replays the last; completes at stop; never errors. */
  get leader$(): Observable<string | undefined> {
    return this.#leader.pipe(distinctUntilChanged());
  }

  /** Resolves at once: the candidacy goes on by itself. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#tasks.run(this.name, (own) => this.#run(own));
  }

  /** A leader steps down and gives the lease up, so that the next one need not wait. */
  async stop(): Promise<void> {
    await this.#tasks.stop();
    this.#leader.complete();
  }

  async #run(signal: AbortSignal): Promise<void> {
    if (!(await this.#acquire(signal))) return;
    const term = new AbortController();
    this.#logger.info('became the leader');
    const failed = Promise.withResolvers<void>();
    const work = (async () => this.#options.onStartedLeading(term.signal))().catch((error: unknown) => {
      if (!term.signal.aborted) this.#logger.error('the work of the leader failed', { error: errorMessage(error) });
      failed.resolve();
    });
    const ended = new AbortController();
    await Promise.race([this.#renew(AbortSignal.any([signal, ended.signal])), failed.promise]);
    ended.abort(new Error('not leading any more'));
    this.#leads = false;
    term.abort(new Error('not leading any more'));
    this.#logger.info('stopped leading');
    await this.#notifyStopped();
    await work;
    await this.#release();
  }

  async #notifyStopped(): Promise<void> {
    try {
      await this.#options.onStoppedLeading();
    } catch (error) {
      this.#logger.error('the leader did not stop cleanly', { error: errorMessage(error) });
    }
  }

  /** False if it was stopped before. */
  async #acquire(signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.#attempt(this.#options.renewDeadlineMs, signal)) return true;
      const pauseMs = this.#options.retryPeriodMs * (1 + JITTER * this.#random());
      await this.#clock.sleep(pauseMs, signal).catch(() => undefined);
    }
    return false;
  }

  /** Resolves when the lease is lost, or cannot be renewed, or the signal aborts. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { retryPeriodMs, renewDeadlineMs, identity } = this.#options;
    for (;;) {
      await this.#clock.sleep(retryPeriodMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      // First of all: a process that was paused must not go on as if no time had passed.
      const leftMs = this.#renewedMs + renewDeadlineMs - this.#clock.monotonic();
      if (leftMs <= 0) break;
      const isRenewed = await this.#attempt(leftMs, signal);
      if (!isRenewed && this.#observed?.spec?.holderIdentity !== identity) break;
    }
    this.#logger.warn('lost the lease', { holder: this.#observed?.spec?.holderIdentity });
  }

  /** Takes or renews the lease. Failures count as "no". Never takes longer than `limitMs`, whatever the transport does. */
  async #attempt(limitMs: number, signal: AbortSignal): Promise<boolean> {
    const beganMs = this.#clock.monotonic();
    const own = new AbortController();
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => undefined);
    const giveUp = (): void => {
      const error = new KeelsonError('Timeout', 'Cannot take or renew the lease in time');
      own.abort(error);
      late.reject(error);
    };
    using _timer = this.#clock.after(limitMs, giveUp);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      if (!(await Promise.race([this.#takeOrRenew(own.signal), late.promise]))) return false;
      this.#leads = true;
      // Others count from when the server wrote it, which is later than this.
      this.#renewedMs = beganMs;
      return true;
    } catch (error) {
      if (!signal.aborted) this.#logger.debug('cannot take or renew the lease', { error: errorMessage(error) });
      return false;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  async #takeOrRenew(signal: AbortSignal): Promise<boolean> {
    const { identity } = this.#options;
    if (this.#leads && this.#observed && (await this.#renewKnown(this.#observed, signal))) return true;
    const lease = await this.#leases.find(this.#where, { signal });
    if (!lease) {
      this.#observe(await this.#leases.create({ metadata: { ...this.#where }, spec: this.#spec(undefined) }, { signal }));
      return true;
    }
    this.#observe(lease);
    const holder = lease.spec?.holderIdentity ?? '';
    if (holder !== '' && holder !== identity && this.#isHeld(lease)) return false;
    this.#observe(await this.#leases.update({ ...lease, spec: this.#spec(lease.spec) }, { signal }));
    return true;
  }

  /** Without reading it first. False if it has changed meanwhile. */
  async #renewKnown(lease: Lease, signal: AbortSignal): Promise<boolean> {
    if (lease.spec?.holderIdentity !== this.#options.identity) return false;
    try {
      this.#observe(await this.#leases.update({ ...lease, spec: this.#spec(lease.spec) }, { signal }));
      return true;
    } catch (error) {
      if (isReason(error, 'Conflict', 'NotFound')) return false;
      throw error;
    }
  }

  #isHeld(lease: Lease): boolean {
    const durationMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000;
    return this.#clock.monotonic() < this.#observedMs + durationMs;
  }

  #observe(lease: Lease): void {
    const isSame =
      this.#observed?.metadata?.uid === lease.metadata?.uid &&
      this.#observed?.metadata?.resourceVersion === lease.metadata?.resourceVersion;
    if (!isSame) this.#observedMs = this.#clock.monotonic();
    this.#observed = lease;
    this.#leader.next(lease.spec?.holderIdentity || undefined);
  }

  /** What the lease says once it is ours. Who held it before keeps the time at which they took it. */
  #spec(before: LeaseSpec | undefined): LeaseSpec {
    const { identity, leaseDurationMs } = this.#options;
    const now = formatMicroTime(this.#clock.now());
    const isOurs = before?.holderIdentity === identity;
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(leaseDurationMs / 1000)),
      acquireTime: isOurs ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (before && !isOurs ? 1 : 0),
    };
  }

  /** Its resourceVersion keeps this from touching what another one holds by now. */
  async #release(): Promise<void> {
    const lease = this.#observed;
    if (!lease || lease.spec?.holderIdentity !== this.#options.identity) return;
    const now = formatMicroTime(this.#clock.now());
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
    const limit = new AbortController();
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => undefined);
    using _timer = this.#clock.after(this.#options.retryPeriodMs, () => {
      limit.abort();
      late.reject(new KeelsonError('Timeout', 'Cannot give the lease up in time'));
    });
    try {
      this.#observe(await Promise.race([this.#leases.update({ ...lease, spec }, { signal: limit.signal }), late.promise]));
    } catch (error) {
      this.#logger.debug('cannot give the lease up', { error: errorMessage(error) });
    }
  }

  get #where(): { readonly name: string; readonly namespace: string } {
    return { name: this.#options.leaseName, namespace: this.#options.namespace };
  }
}
