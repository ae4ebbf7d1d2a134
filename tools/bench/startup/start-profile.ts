import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeChild } from '../measure/child.ts';
import { type CpuProfile, type FunctionTime, topFunctions, topModules } from '../measure/profile.ts';

/** Starts the app once more under V8's profiler and prints where its CPU time went until it was ready, and in stopping it at once. */
export async function printStartProfile(args: readonly string[], isBuilt: boolean): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'keelson-startup-'));
  try {
    const flags = ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${directory}`];
    const child = await NodeChild.start({ args: [...flags, ...args], isBuilt, ready: /^ready / });
    await child[Symbol.asyncDispose]();
    const largest = readdirSync(directory).map((file) => readFileSync(join(directory, file), 'utf8'));
    const profile = JSON.parse(largest.toSorted((a, b) => b.length - a.length)[0] ?? '{}') as CpuProfile;
    print('by itself, function by function', topFunctions(profile, 20));
    print('with all that it calls, module by module', topModules(profile, 40));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function print(title: string, times: readonly FunctionTime[]): void {
  process.stdout.write(`${title}:\n`);
  for (const { name, ms, share } of times) {
    process.stdout.write(`  ${(share * 100).toFixed(1).padStart(5)} % ${ms.toFixed(1).padStart(7)} ms  ${name}\n`);
  }
}
