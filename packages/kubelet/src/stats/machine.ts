import { readFile, statfs } from 'node:fs/promises';
import os from 'node:os';
import type { MachineStats } from '@keelson/runtime';

export interface FileSystemUsage {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly usedBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

export interface ProcessCount {
  readonly max: number;
  readonly current: number;
}

/** Of a tick of `/proc/stat`, which are a hundred a second on all platforms that there are. */
const TICK_NANOSECONDS = 1e7;
const MEBI = 1e6;

/** What this machine uses by its kernel or, where that has no `/proc`, by what Node knows. */
export async function machineStats(nowMs: number, proc = '/proc'): Promise<MachineStats> {
  const [stat, meminfo] = await Promise.all([text(`${proc}/stat`), text(`${proc}/meminfo`)]);
  const times = /^cpu +(.+)$/m.exec(stat)?.[1]?.split(' ').map(Number);
  if (!times || meminfo === '') return fallback(nowMs);
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, steal = 0] = times;
  const bytes = (field: string): number => Number(new RegExp(`^${field}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const memoryUsageBytes = bytes('MemTotal') - bytes('MemFree');
  return {
    atMs: nowMs,
    cpuUsageNanoSeconds: (user + nice + system + interrupts + softInterrupts + steal) * TICK_NANOSECONDS,
    memoryUsageBytes,
    memoryWorkingSetBytes: Math.max(0, memoryUsageBytes - bytes('Inactive\\(file\\)')),
    memoryRssBytes: bytes('AnonPages'),
  };
}

function fallback(atMs: number): MachineStats {
  const cpuMs = os.cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
  const used = os.totalmem() - os.freemem();
  return { atMs, cpuUsageNanoSeconds: cpuMs * MEBI, memoryUsageBytes: used, memoryWorkingSetBytes: used };
}

/** Of the file system that a directory is on; `undefined` if there is none. */
export async function fileSystemUsage(directory: string): Promise<FileSystemUsage | undefined> {
  try {
    const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(directory);
    return {
      capacityBytes: blocks * bsize,
      availableBytes: bavail * bsize,
      usedBytes: (blocks - bfree) * bsize,
      inodes: files,
      inodesFree: ffree,
    };
  } catch {
    return undefined;
  }
}

export async function processCount(proc = '/proc'): Promise<ProcessCount | undefined> {
  const [max, load] = await Promise.all([text(`${proc}/sys/kernel/pid_max`), text(`${proc}/loadavg`)]);
  const current = /\d+\/(\d+)/.exec(load)?.[1];
  return current === undefined || max === '' ? undefined : { max: Number(max), current: Number(current) };
}

/** Empty where there is no such file. */
async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
