// Prints what the operator needs in a cluster, as YAML: `npm run --silent manifests | kubectl apply -f -`.
import { ConfigMap, Service } from '@keelson/api/core/v1';
import { Deployment } from '@keelson/api/apps/v1';
import { rbacManifests } from '@keelson/controller-runtime';
import { stringify } from 'yaml';
import { NAME } from './operator.ts';
import { Website } from './website.ts';

const controllers = [{ for: Website, owns: [ConfigMap, Deployment, Service] }];
const rights = rbacManifests({ name: NAME, namespace: 'default', controllers, leaderElection: true, webhooks: true });
process.stdout.write([Website.definition(), ...rights].map((manifest) => stringify(manifest, { lineWidth: 0 })).join('---\n'));
