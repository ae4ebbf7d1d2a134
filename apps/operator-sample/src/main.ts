import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { jsonLogger, SystemClock } from '@keelson/base';
import { createClient, defaultConfig, httpsTransport } from '@keelson/client';
import { createOperator } from './compose.ts';

const { values } = parseArgs({ options: { 'leader-elect': { type: 'boolean', default: false } } });
const config = defaultConfig();
const stopped = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));

const operator = createOperator({
  client: createClient(httpsTransport(config)),
  clock: new SystemClock(),
  logger: jsonLogger((line) => process.stderr.write(line)),
  ...(values['leader-elect'] && {
    leaderElection: {
      leaseName: 'operator-sample',
      namespace: config.namespace,
      identity: `${hostname()}_${randomUUID()}`,
      onLost: () => {
        // Whoever supervises the process starts it again, and it stands as a candidate again.
        process.exitCode = 1;
        stopped.abort(new Error('lost the leadership'));
      },
    },
  }),
});

try {
  await operator.start(stopped.signal);
  if (!stopped.signal.aborted) await new Promise((resolve) => stopped.signal.addEventListener('abort', resolve, { once: true }));
} catch (error) {
  if (!stopped.signal.aborted) throw error;
} finally {
  await operator.stop();
}
// Explicit: connections that are kept alive must not keep the process.
process.exit();
