import { readFile } from 'node:fs/promises';

/** Whether this machine's kernel, which is the runtime's too, confines processes by AppArmor. Runtimes do not say it. */
export async function kernelHasAppArmor(): Promise<boolean> {
  const enabled = await readFile('/sys/module/apparmor/parameters/enabled', 'utf8').catch(() => '');
  return enabled.startsWith('Y');
}
