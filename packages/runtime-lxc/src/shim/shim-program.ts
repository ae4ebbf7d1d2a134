import { createHash } from 'node:crypto';
import { chmod, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { SHIM_BINARIES } from './shim-binaries.ts';

/** Node's names for them, and ours. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The shim's program file in a directory, put there if it is not: the path. A new version has another name, so running ones stay as they are. */
export async function installShim(
  directory: string,
  architecture = ARCHITECTURES[process.arch] ?? process.arch,
): Promise<string> {
  const binary = SHIM_BINARIES[architecture];
  if (binary === undefined) {
    const known = Object.keys(SHIM_BINARIES).join(', ');
    throw new KeelsonError('ServiceUnavailable', `No shim for "${architecture}": there is one for ${known}`);
  }
  const content = Buffer.from(binary, 'base64');
  const path = join(directory, `shim-${createHash('sha256').update(content).digest('hex').slice(0, 12)}`);
  const found = await stat(path).catch(() => undefined);
  if (found?.size === content.length) return path;
  await mkdir(directory, { recursive: true });
  await writeFile(`${path}.${process.pid}`, content);
  await chmod(`${path}.${process.pid}`, 0o755);
  await rename(`${path}.${process.pid}`, path);
  return path;
}
