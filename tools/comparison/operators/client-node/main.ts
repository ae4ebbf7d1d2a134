import { KubeConfig } from '@kubernetes/client-node';
import { GreetingOperator } from './operator.ts';

const config = new KubeConfig();
config.loadFromDefault();
const operator = new GreetingOperator(config);
await operator.start();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void operator.stop());
