import { describeLinuxRuntime, describeRuntimeContract } from '@keelson/runtime/testing';
import { afterAll, describe } from 'vitest';
import { BUSYBOX, noLxc, PrivateLxc, shellPrograms, unless } from './testing/private-lxc.ts';

describe.skipIf(noLxc)(unless('on LXC', noLxc), () => {
  let lxc: PrivateLxc | undefined;

  afterAll(async () => {
    await lxc?.expectNothingLeft();
    await lxc?.[Symbol.asyncDispose]();
  });

  const open = async () => {
    lxc ??= await PrivateLxc.start();
    return { runtime: lxc.open(), programs: shellPrograms, image: BUSYBOX };
  };
  describeRuntimeContract('LxcRuntime', open);
  describeLinuxRuntime('LxcRuntime', open);
});
