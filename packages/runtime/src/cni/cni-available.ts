import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CNI_PLUGIN_DIRS } from './cni-network.ts';

export type CniAvailability = { readonly available: true } | { readonly available: false; readonly why: string };

/** What the default network and every sandbox need. */
const PLUGINS = ['bridge', 'host-local', 'loopback', 'portmap'];

/** Whether this process can give pods networks by CNI on this machine, without a configuration; if not, why. */
export function cniAvailable(pluginDirs: readonly string[] = CNI_PLUGIN_DIRS): CniAvailability {
  if (process.platform !== 'linux') return { available: false, why: 'CNI needs Linux' };
  if (process.geteuid?.() !== 0) return { available: false, why: 'CNI needs root' };
  const missing = PLUGINS.filter((name) => !pluginDirs.some((directory) => existsSync(join(directory, name))));
  if (missing.length === 0) return { available: true };
  return { available: false, why: `no CNI plugins ${missing.join(', ')} in ${pluginDirs.join(', ')}` };
}
