import { SystemClock } from '@keelson/base';
import { SimulatedRuntime } from './simulated-runtime.ts';
import { describeRuntimeContract } from './testing.ts';
import { simulatedPrograms as programs } from './testing/simulated-programs.ts';

describeRuntimeContract('SimulatedRuntime', async () => ({
  runtime: new SimulatedRuntime({ clock: new SystemClock() }),
  programs,
  image: 'web:1',
}));
