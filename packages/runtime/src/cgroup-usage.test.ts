import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cgroupUsage } from './cgroup-usage.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cgroup-'));
});
afterEach(() => rm(root, { recursive: true }));

const used = {
  cpuUsageNanoSeconds: 5000,
  memoryUsageBytes: 700,
  memoryInactiveFileBytes: 60,
  memoryRssBytes: 9,
  pageFaults: 8,
  majorPageFaults: 7,
};

it.each([
  {
    version: 1,
    files: {
      'cpuacct/pod/c/cpuacct.usage': '5000\n',
      'memory/pod/c/memory.usage_in_bytes': '700\n',
      'memory/pod/c/memory.stat': 'inactive_file 1\ntotal_inactive_file 60\ntotal_rss 9\ntotal_pgfault 8\ntotal_pgmajfault 7\n',
    },
  },
  {
    version: 2,
    files: {
      'pod/c/cpu.stat': 'usage_usec 5\nuser_usec 4\n',
      'pod/c/memory.current': '700\n',
      'pod/c/memory.stat': 'anon 9\ninactive_file 60\npgfault 8\npgmajfault 7\n',
    },
  },
])('reads cgroups of version $version', async ({ files }) => {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), content);
  }

  expect(await cgroupUsage('/pod', 'c', root)).toEqual(used);
});

it('knows nothing of containers elsewhere', async () => {
  expect(await cgroupUsage('/pod', 'c', root)).toBeUndefined();
});
