import { SystemClock } from '@keelson/base';
import { describeRuntimeContract } from '@keelson/runtime/testing';
import { afterAll, describe } from 'vitest';
import { DockerRuntime } from './docker-runtime.ts';
import { BUSYBOX, noEngine, shellPrograms, testEngine, unless } from './testing/private-engine.ts';

describe.skipIf(noEngine)(unless('on a Docker engine', noEngine), () => {
  let engine: AsyncDisposable | undefined;

  afterAll(() => engine?.[Symbol.asyncDispose](), 120_000);

  describeRuntimeContract('DockerRuntime', async () => {
    const started = await testEngine();
    engine = started;
    const runtime = new DockerRuntime({
      clock: new SystemClock(),
      host: started.host,
      cgroupRoot: `keelson-test-${process.pid}`,
    });
    return { runtime, programs: shellPrograms, image: BUSYBOX };
  });
});
