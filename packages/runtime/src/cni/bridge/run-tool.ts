import { KeelsonError } from '@keelson/base';
import type { PluginRunner } from '../plugin-runner.ts';

/** Runs a program where plugins run, and gives what it prints. Rejects with what it says if it fails. */
export async function runTool(
  runner: PluginRunner,
  file: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const { code, stdout, stderr } = await runner.run({ file, args, env: {}, input: '', signal });
  if (code !== 0) throw new KeelsonError('InternalError', stderr.trim().slice(0, 1000) || `exit code ${code}`);
  return stdout;
}
