import type { ContainerRuntime } from '@keelson/runtime';
import { fileSystemUsage, machineStats, processCount } from '../stats/machine.ts';
import type { Observation, Reading, Signal } from './thresholds.ts';

/** Looks at what the node has left. Never rejects: what cannot be read is left out. */
export type Observe = () => Promise<Observation>;

export interface ObserveOptions {
  readonly runtime: ContainerRuntime;
  readonly memoryCapacityBytes: number;
  /** Where volumes and logs of pods are. */
  readonly rootDir: string;
  /** Where images are, if on a file system of their own. */
  readonly imageDir?: string;
}

/** What the machine's kernel says. A runtime with machines of its own answers for their memory; they have no disks. */
export function machineObserver({ imageDir, memoryCapacityBytes, rootDir, runtime }: ObserveOptions): Observe {
  return async () => {
    const found = new Map<Signal, Reading>();
    const isOwnMachine = runtime.machineStats !== undefined;
    const memory = await (runtime.machineStats?.() ?? machineStats(0)).catch(() => undefined);
    if (memory) {
      const available = Math.max(0, memoryCapacityBytes - memory.memoryWorkingSetBytes);
      found.set('memory.available', { available, capacity: memoryCapacityBytes });
    }
    if (isOwnMachine) return found;
    await addFileSystem(found, 'nodefs', rootDir);
    if (imageDir !== undefined) await addFileSystem(found, 'imagefs', imageDir);
    const processes = await processCount().catch(() => undefined);
    if (processes) found.set('pid.available', { available: processes.max - processes.current, capacity: processes.max });
    return found;
  };
}

async function addFileSystem(found: Map<Signal, Reading>, name: 'nodefs' | 'imagefs', path: string): Promise<void> {
  const usage = await fileSystemUsage(path).catch(() => undefined);
  if (!usage) return;
  found.set(`${name}.available`, { available: usage.availableBytes, capacity: usage.capacityBytes });
  // Some file systems have no fixed number of them.
  if (usage.inodes > 0) found.set(`${name}.inodesFree`, { available: usage.inodesFree, capacity: usage.inodes });
}
