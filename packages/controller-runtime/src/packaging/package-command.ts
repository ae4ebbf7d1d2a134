import { parseArgs } from 'node:util';
import { KeelsonError } from '@keelson/base';
import { writeFiles, yamlOf, type Files } from './files.ts';
import { helmChart } from './helm-chart.ts';
import { kustomizeBase } from './kustomize-base.ts';
import { olmBundle } from './olm-bundle.ts';
import { developmentManifests, installManifests, type OperatorPackage } from './operator-package.ts';

const PACKAGES: Readonly<Record<string, (operator: OperatorPackage) => Files>> = {
  helm: helmChart,
  kustomize: kustomizeBase,
  olm: olmBundle,
};

const USAGE = 'none, "all", or "helm", "kustomize" or "olm" and a directory';

/**
 * What a program of a project does that packs its operator. Gives what is to be printed: without arguments, definitions and rights as YAML;
 * with `all`, everything; with `helm`, `kustomize` or `olm` and a directory, the files that were written there. `--namespace` says where the
 * operator runs, for the first two.
 */
export async function packOperator(operator: OperatorPackage, argv: readonly string[]): Promise<string> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { namespace: { type: 'string', default: 'default' } },
  });
  const [what, directory] = positionals;
  if (what === undefined) return yamlOf(...developmentManifests(operator, values.namespace));
  if (what === 'all' && directory === undefined) return yamlOf(...installManifests(operator, values.namespace));
  const pack = PACKAGES[what];
  if (!pack || directory === undefined)
    throw new KeelsonError('BadRequest', `Cannot pack "${positionals.join(' ')}": ${USAGE} are known`);
  return (await writeFiles(directory, pack(operator))).map((path) => `${path}\n`).join('');
}
