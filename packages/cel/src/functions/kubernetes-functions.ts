import { addressFunctions } from './addresses.ts';
import { authorizerFunctions } from './authorizer.ts';
import { conversions } from './conversions.ts';
import { jsonPatchFunctions } from './json-patch.ts';
import { listFunctions, regexFunctions, setFunctions } from './lists.ts';
import { formatFunctions } from './named-formats.ts';
import { operators } from './operators.ts';
import { optionalFunctions } from './optionals.ts';
import { functionTable, type FunctionTable } from './overload.ts';
import { quantityFunctions } from './quantities.ts';
import { semverFunctions } from './semantic-versions.ts';
import { stringFunctions } from './strings.ts';
import { syntaxFunctions } from './syntax-functions.ts';
import { timeFunctions } from './times.ts';
import { urlFunctions } from './urls.ts';

let table: FunctionTable | undefined;

/** All functions that expressions of Kubernetes 1.36 can call, by name. Made when they are first needed. */
export function kubernetesFunctions(): FunctionTable {
  table ??= functionTable([
    ...syntaxFunctions(),
    ...operators(),
    ...conversions(),
    ...stringFunctions(),
    ...timeFunctions(),
    ...listFunctions(),
    ...regexFunctions(),
    ...setFunctions(),
    ...optionalFunctions(),
    ...quantityFunctions(),
    ...addressFunctions(),
    ...urlFunctions(),
    ...semverFunctions(),
    ...formatFunctions(),
    ...authorizerFunctions(),
    ...jsonPatchFunctions(),
  ]);
  return table;
}
