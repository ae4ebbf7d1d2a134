// Measures what rules cost in CPU time: to compile, once for each version of a policy or definition, and to run for each object.
// Usage: npm run bench -- cel [--runs N]
import { parseArgs } from 'node:util';
import { compile, environment, fromJson, loadCel, type CelValue } from '@keelson/cel';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '100000' } } });
const RUNS = Number(values.runs);
const COMPILES = 300;

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', labels: { app: 'web' } },
  spec: {
    containers: [0, 1, 2].map((index) => ({
      name: `c${index}`,
      image: `registry.example.com/web/part:${index}`,
      resources: { limits: { cpu: '1', memory: '1Gi' } },
    })),
  },
};
const RULES = [
  'object.metadata.labels["app"] == "web"',
  '!has(object.spec.hostNetwork) || object.spec.hostNetwork == false',
  'object.spec.containers.all(c, c.image.startsWith("registry.example.com/"))',
  String.raw`object.spec.containers.exists(c, c.image.matches("^registry\\.example\\.com/.*:[0-9]+$"))`,
  'object.spec.containers.map(c, c.name).filter(n, n != "x").size() == 3',
  'object.spec.containers.all(c, quantity(c.resources.limits.memory).isLessThan(quantity("2Gi")))',
];

/** Microseconds of CPU for one of `times` calls. */
function cpuOf(times: number, call: () => unknown): number {
  const before = process.cpuUsage();
  for (let round = 0; round < times; round += 1) call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

await loadCel();
const world = environment({ object: undefined });
const variables = new Map<string, CelValue>([['object', fromJson(POD)]]);
const costs: number[] = [];
for (const rule of RULES) {
  const compiled = compile(rule, world);
  if ('errors' in compiled) throw new Error(compiled.errors);
  const { program } = compiled;
  const compileUs = cpuOf(COMPILES, () => compile(rule, world));
  cpuOf(RUNS / 10, () => program.evaluate(variables));
  const runUs = cpuOf(RUNS, () => program.evaluate(variables));
  costs.push(runUs);
  const { cost } = program.evaluate(variables);
  process.stdout.write(
    `${runUs.toFixed(2).padStart(6)} us, compiled in ${compileUs.toFixed(0)} us, ${cost} units of cost: ${rule}\n`,
  );
}
costs.sort((one, other) => one - other);
const at = (share: number): string => (costs[Math.floor(share * (costs.length - 1))] ?? Number.NaN).toFixed(2);
process.stdout.write(`cel: p50=${at(0.5)} us max=${at(1)} us\n`);
