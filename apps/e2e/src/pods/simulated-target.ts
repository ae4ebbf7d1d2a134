import { SystemClock } from '@keelson/base';
import { SimulatedRuntime } from '@keelson/runtime';
import type { RuntimeTarget } from './pod-suite.ts';

export const simulatedTarget: RuntimeTarget = {
  name: 'the simulated runtime',
  abilities: new Set(['pulls', 'answers']),
  async open() {
    const runtime = new SimulatedRuntime({ clock: new SystemClock() });
    return { runtime, image: 'web:1', [Symbol.asyncDispose]: () => runtime.close() };
  },
};
