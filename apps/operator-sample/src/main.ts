import { parseArgs } from 'node:util';
import { runOperator } from '@keelson/controller-runtime';
import { NAME, setUp } from './operator.ts';

const { values } = parseArgs({
  options: {
    'leader-elect': { type: 'boolean', default: false },
    'status-port': { type: 'string', default: '8080' },
    /** Of the Service in front of the webhooks; without it they are reached on this machine. */
    'webhook-service': { type: 'string' },
    'webhook-port': { type: 'string', default: '9443' },
    namespace: { type: 'string', default: 'default' },
  },
});
const { namespace, 'webhook-service': service } = values;

process.exit(
  await runOperator({
    name: NAME,
    leaderElection: values['leader-elect'] && { namespace },
    statusPort: Number(values['status-port']),
    setUp: (operator) =>
      setUp(operator, {
        namespace,
        port: Number(values['webhook-port']),
        ...(service !== undefined && { address: { service: { name: service, namespace } } }),
      }),
  }),
);
