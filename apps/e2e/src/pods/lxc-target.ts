import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@keelson/base';
import { CniNetwork } from '@keelson/runtime/cni';
import { LxcRuntime } from '@keelson/runtime-lxc';
import { imageArchives } from '../testing/lab.ts';
import { run } from '../testing/run.ts';
import type { RuntimeTarget } from './pod-suite.ts';

/** LXC of this machine, with a bridge and cgroups of its own. */
export const lxcTarget: RuntimeTarget = {
  name: 'LXC',
  abilities: new Set(['processes', 'network', 'cgroups', 'pod-cgroups', 'security', 'namespaces', 'pulls']),
  async open() {
    const [archive = ''] = await imageArchives(['busybox']);
    const directory = await mkdtemp(join(tmpdir(), 'keelson-pods-'));
    const name = `kp${randomBytes(3).toString('hex')}`;
    const clock = new SystemClock();
    const configDir = join(directory, 'net.d');
    const network = new CniNetwork({ clock, stateDir: join(directory, 'network'), configDir, bridge: name });
    // Engines of the lab have their ranges above.
    await network.setPodCidrs([`10.${100 + (randomBytes(1).readUInt8() % 50)}.${randomBytes(1).readUInt8()}.0/24`]);
    const runtime = new LxcRuntime({ clock, network, rootDir: join(directory, 'node'), cgroupRoot: name });
    await runtime.images.import(archive);
    const close = async (): Promise<void> => {
      await runtime.close();
      await network.retain(async () => new Set());
      await run('ip', ['link', 'delete', name]);
      await rm(directory, { recursive: true, force: true });
    };
    return { runtime, image: 'keelson/busybox:1', [Symbol.asyncDispose]: close };
  },
};
