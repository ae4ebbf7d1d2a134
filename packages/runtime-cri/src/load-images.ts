import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { KeelsonError } from '@keelson/base';
import { CONTAINERD_ENDPOINT } from './endpoint.ts';

const run = promisify(execFile);
/** A large image takes a while. */
const TIMEOUT_MS = 600_000;

/**
 * Takes the images of a file of `docker save`, or of an archive of an OCI layout, into containerd; gives what they are called. The CRI has no
 * call for it: this needs containerd's own `ctr`.
 */
export async function loadImages(file: string, endpoint: string = CONTAINERD_ENDPOINT): Promise<readonly string[]> {
  const args = ['-a', endpoint.replace(/^unix:\/\//, ''), '-n', 'k8s.io', 'images', 'import', file];
  try {
    const { stdout } = await run('ctr', args, { timeout: TIMEOUT_MS });
    return [...stdout.matchAll(/^unpacking (\S+)/gm)].flatMap(([, name]) => name ?? []);
  } catch (cause) {
    const { code, stderr = '' } = cause as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') throw new KeelsonError('NotFound', 'There is no "ctr", which comes with containerd');
    throw new KeelsonError('BadRequest', `Cannot load images of "${file}": ${stderr.trim()}`, { cause });
  }
}
