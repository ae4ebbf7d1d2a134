import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { familyOf } from '@keelson/api';
import { errorMessage, KeelsonError } from '@keelson/base';
import { gatewayOf } from './ranges.ts';

const run = promisify(execFile);

/**
 * Makes the bridge of pods with the node's addresses, as the CNI plugin would with the first pod: the node has to be reached there before. Idempotent.
 */
export async function makeBridge(name: string, podCidrs: readonly string[]): Promise<void> {
  try {
    if (!(await isThere(name))) await ip('link', 'add', name, 'type', 'bridge');
    for (const range of podCidrs) {
      const address = `${gatewayOf(range)}/${range.split('/')[1]}`;
      // Nobody else can have it, and while it is being looked for nobody can listen there.
      await ip('address', 'replace', address, 'dev', name, ...(familyOf(range) === 'IPv6' ? ['nodad'] : []));
    }
    await ip('link', 'set', name, 'up');
  } catch (cause) {
    throw new KeelsonError('ServiceUnavailable', `Cannot make the bridge "${name}" of pods: ${errorMessage(cause)}`, { cause });
  }
}

export async function removeBridge(name: string): Promise<void> {
  if (await isThere(name)) await ip('link', 'delete', name);
}

async function isThere(name: string): Promise<boolean> {
  return ip('link', 'show', name).then(
    () => true,
    () => false,
  );
}

async function ip(...words: readonly string[]): Promise<void> {
  await run('ip', words);
}
