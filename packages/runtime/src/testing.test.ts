import { SystemClock } from '@keelson/base';
import { SimulatedRuntime } from './simulated-runtime.ts';
import { describeRuntimeContract, type Programs } from './testing.ts';

const script = (name: string, words: Readonly<Record<string, string>>) => ({
  annotations: Object.fromEntries(Object.entries(words).map(([what, value]) => [`sim.keelson.dev/${name}.${what}`, value])),
});

const programs: Programs = {
  patient: () => ({}),
  stubborn: (name) => script(name, { 'stop-seconds': '3600' }),
  ending: (name, exitCode, lines) =>
    script(name, {
      'run-seconds': '0.01',
      'exit-code': String(exitCode),
      ...(lines.length > 0 && { logs: lines.join('\n') }),
    }),
};

describeRuntimeContract('SimulatedRuntime', async () => ({
  runtime: new SimulatedRuntime({ clock: new SystemClock() }),
  programs,
  image: 'web:1',
}));
