import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ContainerConfig, ContainerStatus, SandboxConfig, SandboxStatus } from '../container-runtime.ts';

export interface KeptSandbox {
  readonly config: SandboxConfig;
  readonly status: SandboxStatus;
}

export interface KeptContainer {
  readonly config: ContainerConfig;
  readonly status: ContainerStatus;
}

/** The part of a container's status that changes. */
export type Progress = Pick<ContainerStatus, 'state' | 'startedAtMs' | 'finishedAtMs' | 'exitCode' | 'reason' | 'message'>;

type Entry =
  | { readonly op: 'sandbox'; readonly kept: KeptSandbox }
  | { readonly op: 'container'; readonly kept: KeptContainer }
  | { readonly op: 'progress'; readonly id: string; readonly progress: Progress }
  | { readonly op: 'removed'; readonly id: string }
  | { readonly op: 'image'; readonly reference: string };

/** The file is written anew when it has so many entries more than four times what is left of them. */
const SLACK = 2000;

/**
 * What a simulated runtime has, in a file, so that it outlives its process as real containers do. Each change is a line that is appended
 * before the change is told: also a process that is killed leaves all of them. A line that was cut off in the middle is left out.
 */
export class SimulatedState {
  readonly sandboxes = new Map<string, KeptSandbox>();
  readonly containers = new Map<string, KeptContainer>();
  readonly images = new Set<string>();
  readonly #path: string | undefined;
  #file: number | undefined;
  #entries = 0;
  /** The last line may not be whole. */
  #isTorn = false;

  /** Without a path nothing is kept. Reads the file, if there is one. Throws if it cannot be written. */
  constructor(path: string | undefined) {
    this.#path = path;
    if (path === undefined) return;
    for (const line of linesOf(path)) this.#replay(line);
    this.#rewrite(path);
  }

  /** Throws if it cannot be written: then it must not be made. */
  addSandbox(kept: KeptSandbox): void {
    this.#add({ op: 'sandbox', kept });
  }

  /** As `addSandbox`. */
  addContainer(kept: KeptContainer): void {
    this.#add({ op: 'container', kept });
  }

  endSandbox(kept: KeptSandbox): void {
    this.#tryToAdd({ op: 'sandbox', kept });
  }

  setProgress({ id, state, startedAtMs, finishedAtMs, exitCode, reason, message }: ContainerStatus): void {
    this.#tryToAdd({ op: 'progress', id, progress: { state, startedAtMs, finishedAtMs, exitCode, reason, message } });
  }

  /** A sandbox or a container. */
  remove(id: string): void {
    this.#tryToAdd({ op: 'removed', id });
  }

  addImage(reference: string): void {
    if (!this.images.has(reference)) this.#tryToAdd({ op: 'image', reference });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  /** What ends must end, also on a full disk: after a restart it is there again, and whoever did not want it ends it once more. */
  #tryToAdd(entry: Entry): void {
    try {
      this.#add(entry);
    } catch {
      this.#isTorn = true;
    }
  }

  #add(entry: Entry): void {
    if (this.#path === undefined || this.#file === undefined) return;
    const line = `${this.#isTorn ? '\n' : ''}${JSON.stringify(entry)}\n`;
    this.#isTorn = true;
    if (writeSync(this.#file, line) < Buffer.byteLength(line)) throw new Error('no space left for the state of simulated pods');
    this.#isTorn = false;
    this.#apply(entry);
    this.#entries += 1;
    const left = this.sandboxes.size + this.containers.size + this.images.size;
    if (this.#entries > 4 * left + SLACK) this.#rewrite(this.#path);
  }

  #apply(entry: Entry): void {
    switch (entry.op) {
      case 'sandbox':
        this.sandboxes.set(entry.kept.status.id, entry.kept);
        return;
      case 'container':
        this.containers.set(entry.kept.status.id, entry.kept);
        return;
      case 'progress': {
        const known = this.containers.get(entry.id);
        if (known) this.containers.set(entry.id, { ...known, status: { ...known.status, ...entry.progress } });
        return;
      }
      case 'removed':
        this.sandboxes.delete(entry.id);
        this.containers.delete(entry.id);
        return;
      case 'image':
        this.images.add(entry.reference);
    }
  }

  #replay(line: string): void {
    try {
      // Written by #add, by this or an earlier process.
      this.#apply(JSON.parse(line) as Entry);
    } catch {
      // It was cut off: the change it stands for was never told.
    }
  }

  #rewrite(path: string): void {
    const entries: Entry[] = [
      ...[...this.images].map((reference): Entry => ({ op: 'image', reference })),
      ...[...this.sandboxes.values()].map((kept): Entry => ({ op: 'sandbox', kept })),
      ...[...this.containers.values()].map((kept): Entry => ({ op: 'container', kept })),
    ];
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    renameSync(`${path}.new`, path);
    this.close();
    this.#file = openSync(path, 'a');
    this.#entries = entries.length;
  }
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
