import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileSystemUsage, machineStats, processCount } from './machine.ts';

describe('what a machine uses', () => {
  let proc: string;

  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'proc-'));
    await Promise.all(['net', 'sys/kernel'].map((each) => mkdir(join(proc, each), { recursive: true })));
  });
  afterEach(() => rm(proc, { recursive: true }));

  const put = (name: string, text: string) => writeFile(join(proc, name), text);

  it('is read from /proc', async () => {
    await put('stat', 'cpu  100 10 50 9999 7 1 2 3 55 0\ncpu0 1 1 1 1\n');
    await put('meminfo', 'MemTotal:  1000 kB\nMemFree:  300 kB\nInactive:  500 kB\nInactive(file):  200 kB\nAnonPages:  90 kB\n');

    expect(await machineStats(5, proc)).toEqual({
      atMs: 5,
      cpuUsageNanoSeconds: 166e7,
      memoryUsageBytes: 700 * 1024,
      memoryWorkingSetBytes: 500 * 1024,
      memoryRssBytes: 90 * 1024,
    });
  });

  it('is what Node knows where there is no /proc', async () => {
    const { cpuUsageNanoSeconds, memoryUsageBytes } = await machineStats(5, join(proc, 'none'));

    expect(cpuUsageNanoSeconds).toBeGreaterThan(0);
    expect(memoryUsageBytes).toBeGreaterThan(0);
  });

  it('counts processes', async () => {
    await put('sys/kernel/pid_max', '4194304\n');
    await put('loadavg', '0.1 0.2 0.3 2/345 999\n');

    expect(await processCount(proc)).toEqual({ max: 4_194_304, current: 345 });
    expect(await processCount(join(proc, 'none'))).toBeUndefined();
  });

  it('knows the file system of a directory', async () => {
    const usage = await fileSystemUsage(proc);

    expect(usage?.capacityBytes).toBeGreaterThan(usage?.usedBytes ?? 0);
    expect(await fileSystemUsage(join(proc, 'none'))).toBeUndefined();
  });
});
