import { installProgram } from '@keelson/launcher';
import { SHIM_BINARIES } from './shim-binaries.ts';

/** The shim's program file in a directory, put there if it is not: the path. */
export function installShim(directory: string, architecture?: string): Promise<string> {
  return installProgram(directory, 'shim', SHIM_BINARIES, architecture);
}
