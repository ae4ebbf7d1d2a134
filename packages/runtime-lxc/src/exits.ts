import { watch, type FSWatcher } from 'node:fs';
import { mkdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { writeWhole } from './records.ts';

export interface Exit {
  readonly exitCode: number;
  readonly atMs: number;
  /** Why it could not be started, if that is so. */
  readonly message: string;
}

/** The ends of processes, as their shims note them down, and who waits for them. */
export class Exits {
  readonly #directory: string;
  readonly #onExit: (id: string) => void;
  readonly #waiting = new Map<string, Set<() => void>>();
  #watcher: FSWatcher | undefined;

  constructor(directory: string, onExit: (id: string) => void) {
    this.#directory = directory;
    this.#onExit = onExit;
  }

  open(): void {
    mkdirSync(this.#directory, { recursive: true });
    this.#watcher = watch(this.#directory, (_event, name) => this.#changed(name));
    // Whoever lists looks at the files themselves, so nothing is lost but time.
    this.#watcher.on('error', () => undefined);
    this.#watcher.unref();
  }

  find(id: string): Exit | undefined {
    try {
      const text = readFileSync(`${this.#directory}/${id}`, 'utf8');
      const [, code = '', ns = '', message = ''] = /^(\d+) (\d+)\n?(.*)$/s.exec(text) ?? [];
      return code === '' ? undefined : { exitCode: Number(code), atMs: Math.floor(Number(ns) / 1e6), message };
    } catch {
      return undefined;
    }
  }

  /** For what has no shim any more that could do it. */
  async write(id: string, exitCode: number, atMs: number, message: string): Promise<void> {
    await writeWhole(`${this.#directory}/${id}`, `${exitCode} ${Math.floor(atMs)}000000\n${message}`);
    this.#tell(id);
  }

  /** Resolves when there is an end, or rejects with the signal's reason. */
  async wait(id: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.find(id)) return;
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    let wake: (() => void) | undefined;
    let stop: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        wake = resolve;
        stop = () => reject(signal?.reason);
        waiting.add(resolve);
        signal?.addEventListener('abort', stop, { once: true });
        // It may have come meanwhile.
        if (this.find(id)) resolve();
      });
    } finally {
      if (wake) waiting.delete(wake);
      if (waiting.size === 0) this.#waiting.delete(id);
      if (stop) signal?.removeEventListener('abort', stop);
    }
  }

  async forget(id: string): Promise<void> {
    await rm(`${this.#directory}/${id}`, { force: true });
  }

  close(): void {
    this.#watcher?.close();
  }

  #changed(name: string | null): void {
    if (name !== null && !name.endsWith('.new') && this.find(name)) this.#tell(name);
  }

  #tell(id: string): void {
    this.#onExit(id);
    for (const wake of this.#waiting.get(id) ?? []) wake();
  }
}
