// Runs the suite of proxy modes for IPVS, one line of JSON for each case. Bundled into one file, since it runs in an emulated machine.
import { errorMessage } from '@keelson/base';
import { MODE_CASES, runModeCase } from './mode-cases.ts';
import { NetworkLab } from './network-lab.ts';
import { IPVS } from './subjects.ts';

const wanted = process.argv[2] ?? '';
const lab = await NetworkLab.open();
for (const one of MODE_CASES) {
  if (IPVS.leftOut?.[one.title] !== undefined || !one.title.includes(wanted)) continue;
  const startMs = performance.now();
  const error = await runModeCase(one, lab, IPVS).then(() => undefined, errorMessage);
  process.stdout.write(`${JSON.stringify({ title: one.title, ms: Math.round(performance.now() - startMs), error })}\n`);
}
await lab[Symbol.asyncDispose]();
