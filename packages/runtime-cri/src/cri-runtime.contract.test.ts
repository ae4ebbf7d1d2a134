import { describeRuntimeContract } from '@keelson/runtime/testing';
import { afterAll, describe } from 'vitest';
import { BUSYBOX, noContainerd, PrivateContainerd, shellPrograms, title } from './testing/private-containerd.ts';

describe.skipIf(noContainerd)(title('on containerd'), () => {
  let containerd: PrivateContainerd | undefined;

  afterAll(() => containerd?.[Symbol.asyncDispose](), 120_000);

  describeRuntimeContract('CriRuntime', async () => {
    containerd = await PrivateContainerd.start();
    return { runtime: await containerd.runtime(), programs: shellPrograms, image: BUSYBOX };
  });
});
