import type { ContainerRuntime } from './container-runtime.ts';

const NODE_LABEL = 'io.keelson.node';

/** Removes all sandboxes of these nodes with their containers; of all nodes if none is named. Says how many pods that were. */
export async function removePods(runtime: ContainerRuntime, nodeNames: readonly string[] = []): Promise<number> {
  const isMeant = ({ labels }: { readonly labels: Readonly<Record<string, string>> }) =>
    nodeNames.length === 0 || nodeNames.includes(labels[NODE_LABEL] ?? '');
  const sandboxes = (await runtime.listSandboxes()).filter(isMeant);
  for (const { id } of sandboxes) {
    await runtime.stopSandbox(id);
    await runtime.removeSandbox(id);
  }
  // What has lost its sandbox, because somebody removed that one alone.
  for (const { id } of (await runtime.listContainers()).filter(isMeant)) await runtime.removeContainer(id);
  return new Set(sandboxes.map(({ pod }) => pod.uid)).size;
}
