import { readFile } from 'node:fs/promises';
import type { InterfaceUsage } from './container-runtime.ts';

/** What went over the interfaces of a network namespace but its loopback, that of the default route first. `proc`: of a process in it. */
export async function interfaceUsage(proc: string): Promise<readonly InterfaceUsage[]> {
  const [devices, routes] = await Promise.all([text(`${proc}/net/dev`), text(`${proc}/net/route`)]);
  const main = /^(\S+)\t00000000\t/m.exec(routes)?.[1];
  const found = devices.split('\n').flatMap((line) => interfaceOf(line) ?? []);
  return found.sort((a, b) => Number(b.name === main) - Number(a.name === main));
}

function interfaceOf(line: string): InterfaceUsage | undefined {
  const [, name, counters] = /^\s*(\S+):\s*(.+)$/.exec(line) ?? [];
  if (name === undefined || counters === undefined || name === 'lo') return undefined;
  const at = counters.split(/\s+/).map(Number);
  return { name, rxBytes: at[0] ?? 0, rxErrors: at[2] ?? 0, txBytes: at[8] ?? 0, txErrors: at[10] ?? 0 };
}

/** Empty where there is no such file. */
async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
