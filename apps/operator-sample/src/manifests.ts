// Prints what the operator needs in a cluster, as YAML: `npm run --silent manifests | kubectl apply -f -`. With `all`, the operator too; with `helm`,
// `kustomize` or `olm` and a directory, it writes a package.
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Service } from '@keelson/api/core/v1';
import { ObjectCache } from '@keelson/controller-runtime';
import { packOperator } from '@keelson/controller-runtime/packaging';
import { NAME } from './operator.ts';
import { Website } from './website.ts';
import { websiteWebhooks } from './website-webhooks.ts';

process.stdout.write(
  await packOperator(
    {
      name: NAME,
      version: '0.1.0',
      image: `example.com/${NAME}`,
      description: 'Websites: content, pods that serve it and an address',
      definitions: [Website.definition()],
      controllers: [{ for: Website, owns: [ConfigMap, Deployment, Service] }],
      admission: websiteWebhooks(new ObjectCache()),
      leaderElection: true,
    },
    process.argv.slice(2),
  ),
);
