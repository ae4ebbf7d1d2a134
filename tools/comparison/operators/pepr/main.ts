import { PeprModule } from 'pepr';
import { greetings } from './operator.ts';

const pepr = { uuid: 'greetings', onError: 'reject', webhookTimeout: 10, alwaysIgnore: { namespaces: [] } };
const module = new PeprModule({ description: 'Greetings', pepr } as never, [greetings], { deferStart: true });
module.start(Number(process.env['PORT'] ?? 3000));
