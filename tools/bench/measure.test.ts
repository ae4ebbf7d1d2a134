import { describe, expect, it } from 'vitest';
import { cpuSeconds, processTree, residentMiB } from './measure/processes.ts';
import { type CpuProfile, topFunctions, topModules } from './measure/profile.ts';

const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 4 });

/** (root) calls `serve` of a package, which calls `parse` of Node; and there is idle time. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', ''), children: [2, 4] },
    { id: 2, callFrame: frame('serve', 'file:///x/packages/server/src/a.ts'), children: [3] },
    { id: 3, callFrame: frame('parse', 'node:json') },
    { id: 4, callFrame: frame('(idle)', '') },
  ],
  samples: [2, 3, 3, 4],
  timeDeltas: [1000, 2000, 1000, 50_000],
};

describe('a CPU profile', () => {
  it('tells what functions took by themselves, without idle time', () => {
    expect(topFunctions(PROFILE, 2)).toEqual([
      { name: 'parse node:json:5', ms: 3, share: 0.75 },
      { name: 'serve packages/server/src/a.ts:5', ms: 1, share: 0.25 },
    ]);
  });

  it('counts what Node does for the module that asked for it', () => {
    expect(topModules(PROFILE, 5)).toEqual([{ name: 'packages/server/src/a.ts', ms: 4, share: 1 }]);
  });
});

describe.skipIf(process.platform !== 'linux')('processes (Linux only: read from /proc)', () => {
  it('are measured by their CPU time and memory', () => {
    const own = process.cpuUsage();

    const seconds = cpuSeconds([process.pid]);

    // The kernel counts in hundredths.
    expect(seconds).toBeGreaterThan((own.user + own.system) / 1e6 - 0.1);
    expect(residentMiB([process.pid])).toBeGreaterThan(10);
    expect(processTree(process.pid)).toContain(process.pid);
  });

  it('that have ended have used nothing', () => {
    expect(cpuSeconds([2 ** 30])).toBe(0);
    expect(residentMiB([2 ** 30])).toBe(0);
  });
});
