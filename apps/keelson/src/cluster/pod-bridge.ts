import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { errorMessage, KeelsonError } from '@keelson/base';

const run = promisify(execFile);

/** The first address of a range like `10.244.1.0/24`, which the node has on its bridge. */
export function gatewayOf(podCidr: string): string {
  return (podCidr.split('/')[0] ?? '').replace(/\d+$/, (last) => String(Number(last) + 1));
}

/**
 * Makes the bridge of pods with the node's address, as the CNI plugin would with the first pod: the node has to be reached there before. Idempotent.
 */
export async function makeBridge(name: string, podCidr: string): Promise<void> {
  const address = `${gatewayOf(podCidr)}/${podCidr.split('/')[1]}`;
  try {
    if (!(await isThere(name))) await ip('link', 'add', name, 'type', 'bridge');
    await ip('address', 'replace', address, 'dev', name);
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
