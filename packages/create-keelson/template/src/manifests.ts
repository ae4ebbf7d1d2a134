// What the operator needs in a cluster: `npm run --silent manifests | kubectl apply -f -`.
import { ConfigMap } from '@keelson/api/core/v1';
import { rbacManifests } from '@keelson/controller-runtime';
import { stringify } from 'yaml';
import { NAME } from './operator.ts';
import { Greeting } from './greeting.ts';

const controllers = [{ for: Greeting, owns: [ConfigMap] }];
const rights = rbacManifests({ name: NAME, namespace: 'default', controllers, leaderElection: true, webhooks: true });
process.stdout.write([Greeting.definition(), ...rights].map((manifest) => stringify(manifest, { lineWidth: 0 })).join('---\n'));
