import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { defaultNetwork, loadNetworkConfig } from '@keelson/runtime/cni';

/** The name says that something else, added later, comes first. */
const FILE = '99-keelson.conflist';

/**
 * Where CNI configurations are, by what a runtime says of itself: containerd prints its own configuration. `undefined` if it does not say.
 */
export function cniConfigDir(info: Readonly<Record<string, string>>): string | undefined {
  try {
    const { cni } = JSON.parse(info['config'] ?? '') as { readonly cni?: { readonly confDir?: unknown } };
    return typeof cni?.confDir === 'string' && cni.confDir !== '' ? cni.confDir : undefined;
  } catch {
    return undefined;
  }
}

/** Gives a runtime that has no network the default one over the node's pod CIDRs, where it looks for it. Leaves what is there alone. */
export async function writeDefaultNetwork(
  configDir: string,
  options: { readonly podCidrs: readonly string[]; readonly bridge: string; readonly stateDir: string },
): Promise<void> {
  await mkdir(configDir, { recursive: true });
  const there = await loadNetworkConfig(configDir).catch(() => 'something');
  if (there === undefined) writeFileSync(join(configDir, FILE), `${JSON.stringify(defaultNetwork(options), null, 2)}\n`);
}
