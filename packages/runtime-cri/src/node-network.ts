import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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

/** Gives a runtime that has no network the default one over the node's pod CIDRs, where it looks for it. What others have put there stays. */
export async function writeDefaultNetwork(
  configDir: string,
  options: { readonly podCidrs: readonly string[]; readonly bridge: string; readonly stateDir: string },
): Promise<void> {
  await mkdir(configDir, { recursive: true });
  const network = defaultNetwork({ ...options, hostPorts: true });
  const there = await loadNetworkConfig(configDir).catch(() => ({ name: 'something that cannot be used' }));
  if (there !== undefined && there.name !== network.name) return;
  // Runtimes watch the directory: they must not find half a file.
  const path = join(configDir, FILE);
  await writeFile(`${path}.new`, `${JSON.stringify(network, null, 2)}\n`);
  await rename(`${path}.new`, path);
}
