import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually, run, type Output, type RunOptions } from './run.ts';
import type { CaseTable, Expected, ShellCase, Step } from './shell-case.ts';

/** Where cases run. */
export interface ShellWorld {
  /** Kubeconfig of the cluster's administrator. */
  readonly kubeconfig: string;
  /** A directory that cases may fill; the caller removes it. */
  readonly scratch: string;
  /** Directories of the programs that lines use, before those of the machine. */
  readonly programs: readonly string[];
  /** Directories whose files each case finds in its own. */
  readonly files: readonly string[];
  /** Runs a program where the cluster is reached; on this machine if absent. */
  readonly run?: (file: string, args: readonly string[], options: RunOptions) => Promise<Output>;
}

const LINE_MS = 240_000;

/** Tests out of a table. Each case gets an empty namespace, `$NS`, which its kubeconfig defaults to, and a home directory of its own. */
export function shellSuite(table: CaseTable, version: string, world: () => ShellWorld): void {
  const runs = (each: ShellCase): boolean => each.only === undefined || each.only === version;
  const commands = Object.entries(table).map(([command, cases]) => ({ command, cases: cases.filter(runs) }));
  const namespaces = commands.flatMap(({ command, cases }) => cases.map(({ title }) => namespaceOf(version, command, title)));

  beforeAll(() => createNamespaces(namespaces, world()));
  for (const { command, cases } of commands.filter((each) => each.cases.length > 0)) {
    describe(command, () => {
      for (const each of cases) it(each.title, () => runCase(each, namespaceOf(version, command, each.title), world()));
    });
  }
}

/** All at once, and waits for what pods need: their service accounts. */
async function createNamespaces(names: readonly string[], world: ShellWorld): Promise<void> {
  const items = names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  const file = join(world.scratch, 'namespaces.json');
  await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const shell = shellIn(world.scratch, world.kubeconfig, world);
  const accounts = 'kubectl get serviceaccounts --all-namespaces --field-selector metadata.name=default --output name';
  expect((await shell(`kubectl create --filename ${file}`)).stderr).toBe('');
  await eventually('service accounts', async () => (await shell(accounts)).stdout.split('\n').length > names.length);
}

const namespaceOf = (...words: readonly string[]): string =>
  words
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replace(/^-|-$/g, '');

async function runCase(each: ShellCase, namespace: string, world: ShellWorld): Promise<void> {
  const home = join(world.scratch, namespace);
  await mkdir(home, { recursive: true });
  for (const files of world.files) await cp(files, home, { recursive: true });
  const kubeconfig = join(home, 'kubeconfig');
  const config = await readFile(world.kubeconfig, 'utf8');
  await writeFile(kubeconfig, config.replace(/^( +)user: .*$/m, `$&\n$1namespace: ${namespace}`));
  const shell = shellIn(home, kubeconfig, world, namespace);
  for (const step of each.steps) await runStep(step, shell);
  // So that the next one has the nodes for itself. The end of it is not waited for.
  await shell(`kubectl delete namespace ${namespace} --wait=false`);
}

type Shell = (line: string) => Promise<Output>;

const shellIn = (home: string, kubeconfig: string, world: ShellWorld, namespace = 'default'): Shell => {
  const env = { HOME: home, KUBECONFIG: kubeconfig, NS: namespace, PATH: [...world.programs, process.env['PATH']].join(':') };
  return (line) => (world.run ?? run)('bash', ['-o', 'pipefail', '-c', line], { env, cwd: home, timeoutMs: LINE_MS });
};

async function runStep(step: Step, shell: Shell): Promise<void> {
  if (step.eventually) await eventually(step.run, async () => (check(step, await shell(step.run)), true));
  else check(step, await shell(step.run));
}

function check(step: Step, output: Output): void {
  const { code, stdout, stderr } = output;
  const seen = `$ ${step.run}\n${stdout}${stderr}[${code}]`;
  expect(code, seen).toBe(step.code ?? 0);
  for (const expected of listOf(step.prints)) expectIn(stdout, expected, seen);
  for (const expected of listOf(step.complains)) expectIn(stderr, expected, seen);
}

const listOf = (expected: Expected | readonly Expected[] = []): readonly Expected[] =>
  typeof expected === 'string' || expected instanceof RegExp ? [expected] : expected;

function expectIn(output: string, expected: Expected, seen: string): void {
  if (typeof expected === 'string') expect(output, seen).toContain(expected);
  else expect(output, seen).toMatch(expected);
}
