import { runOperator } from '@keelson/controller-runtime';
import { setUp } from './operator.ts';

process.exit(await runOperator({ name: 'greetings', logLevel: 'error', setUp }));
