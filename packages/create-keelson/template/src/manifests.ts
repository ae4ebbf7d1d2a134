// What the operator needs in a cluster: `npm run --silent manifests | kubectl apply -f -`. With `all`, the operator too; with `helm`, `kustomize` or
// `olm` and a directory, it writes a package.
import { ConfigMap } from '@keelson/api/core/v1';
import { packOperator } from '@keelson/controller-runtime/packaging';
import project from '../package.json' with { type: 'json' };
import { NAME } from './operator.ts';
import { Greeting } from './greeting.ts';
import { greetingWebhooks } from './greeting-webhooks.ts';

process.stdout.write(
  await packOperator(
    {
      name: NAME,
      version: project.version,
      image: NAME,
      definitions: [Greeting.definition()],
      controllers: [{ for: Greeting, owns: [ConfigMap] }],
      admission: greetingWebhooks,
      leaderElection: true,
    },
    process.argv.slice(2),
  ),
);
