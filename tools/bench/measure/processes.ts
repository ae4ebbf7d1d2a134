import { globSync, readFileSync } from 'node:fs';

/** What the kernel counts CPU time in: a hundredth of a second, on every Linux. */
const TICKS_PER_SECOND = 100;

/** A process and all processes that it has started. Linux only. */
export function processTree(pid: number): number[] {
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap((file) => {
    const pids = readOrEmpty(file).split(' ');
    return pids.filter((text) => text !== '').map(Number);
  });
  return [pid, ...children.flatMap((child) => processTree(child))];
}

/** User and system time that the processes have used so far. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    // The command's name, in parentheses, may have spaces.
    const [, fields = ''] = readOrEmpty(`/proc/${pid}/stat`).split(/\) (?=[A-Z] )/);
    const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
    ticks += user + system;
  }
  return ticks / TICKS_PER_SECOND;
}

/** The memory of the processes that is in RAM now, in MiB. */
export function residentMiB(pids: readonly number[]): number {
  return memoryMiB(pids, 'VmRSS');
}

/** As `residentMiB`, without what is mapped from files: that is shared, and the kernel takes it back when it needs it. */
export function anonymousMiB(pids: readonly number[]): number {
  return memoryMiB(pids, 'RssAnon');
}

function memoryMiB(pids: readonly number[], field: string): number {
  let kibibytes = 0;
  for (const pid of pids) {
    const [, value = 0] = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readOrEmpty(`/proc/${pid}/status`)) ?? [];
    kibibytes += Number(value);
  }
  return kibibytes / 1024;
}

/** How many cores were busy since boot, in core seconds: to tell how much strangers disturbed a measurement. */
export function machineCpuSeconds(): number {
  const [, ...fields] = readOrEmpty('/proc/stat').split('\n', 1).join('').split(/\s+/);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields.map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process has ended
  }
}

export interface Usage {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly residentMiB: number;
  readonly anonymousMiB: number;
  /** Cores that anything but the processes was busy on, the load tool included. */
  readonly otherCores: number;
}

/** Measures processes, and what they started, from its making until `stop`. */
export class UsageMeter {
  readonly #roots: readonly number[];
  readonly #startMs = performance.now();
  readonly #cpu: number;
  readonly #machine = machineCpuSeconds();

  constructor(roots: readonly number[]) {
    this.#roots = roots;
    this.#cpu = cpuSeconds(this.#pids());
  }

  stop(): Usage {
    const pids = this.#pids();
    const seconds = (performance.now() - this.#startMs) / 1000;
    const used = cpuSeconds(pids) - this.#cpu;
    const otherCores = (machineCpuSeconds() - this.#machine - used) / seconds;
    return { seconds, cpuSeconds: used, residentMiB: residentMiB(pids), anonymousMiB: anonymousMiB(pids), otherCores };
  }

  #pids(): number[] {
    return this.#roots.flatMap((pid) => processTree(pid));
  }
}
