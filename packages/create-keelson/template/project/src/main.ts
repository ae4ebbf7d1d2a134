import { parseArgs } from 'node:util';
import { runOperator } from '@keelson/controller-runtime';
import { NAME, setUp } from './operator.ts';

const { values } = parseArgs({
  options: {
    'leader-elect': { type: 'boolean', default: false },
    namespace: { type: 'string', default: 'default' },
    'webhook-service': { type: 'string' },
  },
});
const { namespace, 'webhook-service': service } = values;
const address = service === undefined ? {} : { address: { service: { name: service, namespace } } };

process.exit(
  await runOperator({
    name: NAME,
    leaderElection: values['leader-elect'] && { namespace },
    statusPort: 8080,
    setUp: (operator) => setUp(operator, { namespace, port: 9443, ...address }),
  }),
);
