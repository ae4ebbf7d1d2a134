import { glob, readFile } from 'node:fs/promises';

/** What the kernel holds a pod to, in bytes and in microseconds of each period; `undefined` where it has no such cgroup. */
export interface PodLimits {
  readonly memory: string | undefined;
  readonly cpuQuota: string | undefined;
}

/** Reads the limits of a pod's cgroup, of version 1 or 2, whoever made it and under whatever root. */
export async function podLimits(podUid: string): Promise<PodLimits> {
  const pod = `kubepods/*/pod${podUid}`;
  return {
    memory: await firstWord(`memory/*/${pod}/memory.limit_in_bytes`, `*/${pod}/memory.max`),
    cpuQuota: await firstWord(`cpu/*/${pod}/cpu.cfs_quota_us`, `*/${pod}/cpu.max`),
  };
}

async function firstWord(...patterns: readonly string[]): Promise<string | undefined> {
  for await (const file of glob([...patterns], { cwd: '/sys/fs/cgroup' })) {
    const [word] = (await readFile(`/sys/fs/cgroup/${file}`, 'utf8')).split(/\s/);
    return word;
  }
  return undefined;
}
