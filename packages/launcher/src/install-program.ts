import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';

/** Programs in base64, by the architectures that they are for, as Docker names these. */
export type ProgramBinaries = Readonly<Record<string, string>>;

/** Node's names for them, and Docker's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const OWN = ARCHITECTURES[process.arch] ?? process.arch;

/** The one for this machine, if there is one. */
export function programFor(binaries: ProgramBinaries, architecture = OWN): Buffer | undefined {
  const binary = binaries[architecture];
  return binary === undefined ? undefined : Buffer.from(binary, 'base64');
}

/**
 * A program file in a directory, put there if it is not: the path. A new version has another name, so running ones stay as they are. Rejects with
 * `ServiceUnavailable` if there is none for the architecture.
 */
export async function installProgram(
  directory: string,
  name: string,
  binaries: ProgramBinaries,
  architecture = OWN,
): Promise<string> {
  const content = programFor(binaries, architecture);
  if (!content) {
    const known = Object.keys(binaries).join(', ');
    throw new KeelsonError('ServiceUnavailable', `No ${name} for "${architecture}": there is one for ${known}`);
  }
  const path = join(directory, `${name}-${createHash('sha256').update(content).digest('hex').slice(0, 12)}`);
  const found = await stat(path).catch(() => undefined);
  if (found?.size === content.length) return path;
  await mkdir(directory, { recursive: true });
  await writeFile(`${path}.${process.pid}`, content);
  await chmod(`${path}.${process.pid}`, 0o755);
  await rename(`${path}.${process.pid}`, path);
  return path;
}
