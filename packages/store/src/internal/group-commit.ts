// Hot path: see `Batch`. One transaction of the database, and so one fsync, carries all that was waiting when it began.
import { statfsSync } from 'node:fs';
import { errorMessage, KeelsonError, type Clock } from '@keelson/base';
import { Batch } from './batch.ts';
import { closedError } from './keys.ts';
import type { LmdbTables } from './lmdb-tables.ts';
import { nextTurn } from './turn.ts';
import type { WatchHub } from './watch-hub.ts';

const MAX_JOBS = 1024;
const MAX_BYTES = 16 * 1024 * 1024;
/** What a transaction may need beside its values: copies of the pages on the way to them. */
const SPARE_BYTES = 512 * 1024;

interface Job {
  readonly run: (batch: Batch) => unknown;
  readonly bytes: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  result?: unknown;
  error?: unknown;
}

export interface GroupCommitOptions {
  readonly tables: LmdbTables;
  readonly hub: WatchHub;
  readonly clock: Clock;
  /** Where the file is. */
  readonly directory: string;
  /** Called when a batch is on disk, before its commits resolve. */
  readonly onFlushed: (batch: Batch) => void;
}

/** The only writer of a file. What is submitted while a batch is on its way to the disk goes together with the next one. */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;
  #batch: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Resolves with what `run` returned once it is durable; rejects with what it threw, or with why nothing could be written. */
  submit<T>(run: (batch: Batch) => T, bytes = 0): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError());
        return;
      }
      // What `run` gives is what `resolve` gets: the queue does not know of which type it is.
      this.#queue.push({ run, bytes, resolve: resolve as (result: unknown) => void, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Resolves when the batch that is on its way to the disk is settled; at once if there is none. */
  batchSettled(): Promise<void> {
    return this.#batch;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      this.#batch = this.#runBatch();
      await this.#batch;
    }
    this.#running = undefined;
  }

  async #runBatch(): Promise<void> {
    const { tables, hub, clock, onFlushed } = this.#options;
    let jobs: Job[] = [];
    try {
      this.#checkRoom();
      const batch = await tables.root.childTransaction(() => {
        jobs = this.#take();
        const pending = new Batch(tables, hub.revision, clock.now());
        for (const job of jobs) evaluate(job, pending);
        pending.flush();
        return pending;
      });
      hub.publish(batch.commits);
      onFlushed(batch);
    } catch (error) {
      const refusal = await writeError(error, this.#options.directory);
      for (const job of jobs.length > 0 ? jobs : this.#take()) job.reject(refusal);
      return;
    }
    for (const job of jobs) {
      if ('error' in job) job.reject(job.error);
      else job.resolve(job.result);
    }
  }

  /**
   * A transaction that fails half-way for want of room can leave LMDB's memory in disorder, and the process then aborts at some later time.
   * So none is begun that might.
   */
  #checkRoom(): void {
    let bytes = 0;
    for (const job of this.#queue) bytes += job.bytes;
    const needed = SPARE_BYTES + 2 * Math.min(bytes, MAX_BYTES);
    const free = freeBytes(this.#options.directory);
    if (free < needed) throw new Error(`no space left on device: the disk is full (${free} bytes are free)`);
  }

  #take(): Job[] {
    let count = 0;
    let bytes = 0;
    for (const job of this.#queue) {
      bytes += job.bytes;
      if (count > 0 && (count >= MAX_JOBS || bytes > MAX_BYTES)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}

function evaluate(job: Job, batch: Batch): void {
  try {
    job.result = job.run(batch);
  } catch (error) {
    job.error = error;
  }
}

/** Why a transaction failed. The database hands out the cause of a failed commit as one more promise that rejects. */
async function writeError(error: unknown, directory: string): Promise<KeelsonError> {
  let cause = error;
  if (error instanceof Error && 'commitError' in error) {
    const reason = Promise.resolve(error.commitError).catch((inner: unknown) => inner);
    cause = (await Promise.race([reason, nextTurn()])) ?? error;
  }
  return new KeelsonError('ServiceUnavailable', `Cannot write to the store in "${directory}": ${errorMessage(cause)}`, { cause });
}

/** `Infinity` where it cannot be found out. */
function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
