import type { Programs } from './harness.ts';

const script = (name: string, words: Readonly<Record<string, string>>) => ({
  annotations: Object.fromEntries(Object.entries(words).map(([what, value]) => [`sim.keelson.dev/${name}.${what}`, value])),
});

/** What simulated containers are told to do, by annotations of their pod. */
export const simulatedPrograms: Programs = {
  patient: () => ({}),
  stubborn: (name) => script(name, { 'stop-seconds': '3600' }),
  ending: (name, exitCode, lines) =>
    script(name, {
      'run-seconds': '0.01',
      'exit-code': String(exitCode),
      ...(lines.length > 0 && { logs: lines.join('\n') }),
    }),
};
