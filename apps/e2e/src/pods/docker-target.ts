import { SystemClock } from '@keelson/base';
import { DockerRuntime } from '@keelson/runtime-docker';
import { DockerEngine } from '../testing/lab.ts';
import type { RuntimeTarget } from './pod-suite.ts';

/** A Docker engine of our own on this machine. */
export const dockerTarget: RuntimeTarget = {
  name: 'Docker',
  abilities: new Set(['processes', 'network', 'cgroups', 'pod-cgroups', 'security', 'namespaces', 'pulls']),
  async open() {
    const engine = await DockerEngine.up('pods');
    const runtime = new DockerRuntime({ clock: new SystemClock(), host: engine.host, cgroupRoot: engine.name });
    const close = async (): Promise<void> => {
      await runtime.close();
      await engine[Symbol.asyncDispose]();
    };
    return { runtime, image: 'keelson/busybox:1', [Symbol.asyncDispose]: close };
  },
};
