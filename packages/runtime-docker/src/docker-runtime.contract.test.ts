import { SystemClock } from '@keelson/base';
import { describeLinuxRuntime, describeRuntimeContract } from '@keelson/runtime/testing';
import { afterAll, describe } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { BUSYBOX, noEngine, shellPrograms, testEngine, unless, type TestEngine } from './testing/private-engine.ts';

describe.skipIf(noEngine)(unless('on a Docker engine', noEngine), () => {
  let engine: TestEngine | undefined;

  afterAll(() => engine?.[Symbol.asyncDispose]());

  const open = async () => {
    engine ??= await testEngine();
    const runtime = new DockerRuntime({
      clock: new SystemClock(),
      host: engine.host,
      cgroupRoot: engine.cgroupRoot,
    });
    return { runtime, programs: shellPrograms, image: BUSYBOX };
  };
  describeRuntimeContract('DockerRuntime', open);
  describeLinuxRuntime('DockerRuntime', open);
});
