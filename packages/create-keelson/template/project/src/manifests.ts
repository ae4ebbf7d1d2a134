// What the operator needs in a cluster: `npm run --silent manifests | kubectl apply -f -`. With `all`, the operator too; with `helm`, `kustomize` or
// `olm` and a directory, it writes a package.
import { SystemClock } from '@keelson/base';
import { packOperator } from '@keelson/controller-runtime/packaging';
import project from '../package.json' with { type: 'json' };
import { admission, controllers, definitions } from './apis.ts';
import { NAME } from './operator.ts';

process.stdout.write(
  await packOperator(
    {
      name: NAME,
      version: project.version,
      image: NAME,
      definitions,
      controllers: controllers({ clock: new SystemClock() }),
      admission,
      leaderElection: true,
    },
    process.argv.slice(2),
  ),
);
