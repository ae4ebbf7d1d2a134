import { describeLinuxRuntime, describeRuntimeContract } from '@keelson/runtime/testing';
import { afterAll, describe } from 'vitest';
import { BUSYBOX, noContainerd, PrivateContainerd, shellPrograms, title } from './testing/private-containerd.ts';

describe.skipIf(noContainerd)(title('on containerd'), () => {
  let containerd: PrivateContainerd | undefined;

  afterAll(() => containerd?.[Symbol.asyncDispose]());

  const open = async () => {
    containerd ??= await PrivateContainerd.start();
    return { runtime: await containerd.runtime(), programs: shellPrograms, image: BUSYBOX };
  };
  describeRuntimeContract('CriRuntime', open);
  describeLinuxRuntime('CriRuntime', open, {
    'stops a process by the signal that it wants': 'the CRI of containerd 1.6 has none for containers: the image’s is used',
    'mounts an image, or a directory of it, for reading only':
      'containerd 1.6 does not mount images: there is a test that it says so',
    'keeps as much of the log of a container as it is told': 'logs are looked at every ten seconds; there is a test of its own',
  });
});
