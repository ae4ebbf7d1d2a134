// Runs the suite of proxy modes for IPVS, one line of JSON for each case. Bundled into one file, since it runs in an emulated machine.
import { errorMessage } from '@keelson/base';
import { MODE_CASES, runModeCaseBy } from './mode-cases.ts';
import { NetworkLab } from './network-lab.ts';
import { IPVS } from './subjects.ts';

/** Titles of the cases to run. Default: all. */
const wanted = new RegExp(process.argv[2] ?? '');
const lab = await NetworkLab.open();
const mode = IPVS.open(lab);
for (const one of MODE_CASES) {
  if (IPVS.leftOut?.[one.title] !== undefined || !wanted.test(one.title)) continue;
  const startMs = performance.now();
  const error = await runModeCaseBy(mode, one, { lab, subject: IPVS }).then(() => undefined, errorMessage);
  process.stdout.write(`${JSON.stringify({ title: one.title, ms: Math.round(performance.now() - startMs), error })}\n`);
}
await mode.cleanup();
await lab[Symbol.asyncDispose]();
