import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { interfaceUsage } from './interface-usage.ts';

it('has the interface of the default route first, and no loopback', async () => {
  const proc = await mkdtemp(join(tmpdir(), 'proc-'));
  onTestFinished(() => rm(proc, { recursive: true }));
  await mkdir(join(proc, 'net'));
  const header = 'Inter-|   Receive\n face |bytes    packets errs\n';
  const line = (name: string, rx: number, tx: number) => `  ${name}: ${rx} 1 2 0 0 0 0 0 ${tx} 3 4 0 0 0 0 0\n`;
  await writeFile(join(proc, 'net/dev'), `${header}${line('lo', 1, 1)}${line('br0', 5, 6)}${line('eth0', 70, 80)}`);
  await writeFile(join(proc, 'net/route'), 'Iface\tDestination\tGateway\nbr0\t000A0A0A\t00\neth0\t00000000\t0101\n');

  expect(await interfaceUsage(proc)).toEqual([
    { name: 'eth0', rxBytes: 70, rxErrors: 2, txBytes: 80, txErrors: 4 },
    { name: 'br0', rxBytes: 5, rxErrors: 2, txBytes: 6, txErrors: 4 },
  ]);
});

it('has none where there is no such process', async () => {
  expect(await interfaceUsage('/proc/none')).toEqual([]);
});
