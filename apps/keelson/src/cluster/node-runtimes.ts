import { CONTAINER_RUNTIME, RuntimeRouter, type ContainerRuntime } from '@keelson/runtime';
import { Container } from 'inversify';
import type { MachineSettings, RuntimeName } from '../options.ts';
import type { NodePlace, NodeRuntime } from './runtimes/node-runtime.ts';

/** Only those are loaded that are asked for: each brings code with it that no other one needs. */
const LOADERS: Readonly<Record<RuntimeName, () => Promise<NodeRuntime>>> = {
  docker: async () => (await import('./runtimes/docker.ts')).dockerNodes,
  lxc: async () => (await import('./runtimes/lxc.ts')).lxcNodes,
  cri: async () => (await import('./runtimes/cri.ts')).criNodes,
  sim: async () => (await import('./runtimes/simulated.ts')).simulatedNodes,
};

/** The runtime that `--runtime` knows by a name. */
export async function nodeRuntime(name: RuntimeName): Promise<NodeRuntime> {
  return LOADERS[name]();
}

/** Binds the runtime of a node, which is several if that is asked for: those with other handlers are behind the main one. */
export async function bindRuntimes(container: Container, settings: MachineSettings, node: NodePlace): Promise<void> {
  const made = async (name: RuntimeName): Promise<ContainerRuntime> => {
    const own = new Container({ parent: container });
    (await nodeRuntime(name)).bind(own, settings, node);
    return own.get(CONTAINER_RUNTIME);
  };
  const { runtime, moreRuntimes } = settings;
  const main = await made(runtime);
  const handlers = new Map([[runtime, main]]);
  for (const name of moreRuntimes) if (!handlers.has(name)) handlers.set(name, await made(name));
  // A CRI runtime has handlers of its own.
  container.bind(CONTAINER_RUNTIME).toConstantValue(new RuntimeRouter({ main, handlers, passesOn: runtime === 'cri' }));
}
