#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { errorMessage } from '@keelson/base';
import { createIngress } from './run-ingress.ts';

const HELP = `keelson-ingress: serves the Ingresses of a cluster (KUBECONFIG, ~/.kube/config or the pod's service account)
  --http-port N      default 80            --https-port N     default 443
  --host ADDRESS     default: all          --publish ADDRESS  for the status of Ingresses; may be given again
  --class NAME       default keelson       --default-class    make it the default class
  --status-port N    /metrics, /healthz    --access-log       a JSON line for each request on stdout
  --external-names   serve Services of type ExternalName
`;

const { values } = parseArgs({
  options: {
    'http-port': { type: 'string', default: '80' },
    'https-port': { type: 'string', default: '443' },
    'status-port': { type: 'string' },
    host: { type: 'string' },
    publish: { type: 'string', multiple: true, default: [] },
    class: { type: 'string', default: 'keelson' },
    'default-class': { type: 'boolean', default: false },
    'access-log': { type: 'boolean', default: false },
    'external-names': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function run(): Promise<void> {
  const { operator, ingress } = await createIngress({
    httpPort: Number(values['http-port']),
    httpsPort: Number(values['https-port']),
    publish: values.publish,
    className: values.class,
    isDefaultClass: values['default-class'],
    externalNames: values['external-names'],
    ...(values.host !== undefined && { host: values.host }),
    ...(values['status-port'] !== undefined && { statusPort: Number(values['status-port']) }),
    ...(values['access-log'] && { accessLog: (entry) => process.stdout.write(`${JSON.stringify(entry)}\n`) }),
  });
  const stopped = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => stopped.abort(new Error(`stopped by ${signal}`)));
  try {
    await operator.start(stopped.signal);
    process.stdout.write(`ready http=${ingress.ports.http} https=${ingress.ports.https}\n`);
    if (!stopped.signal.aborted)
      await new Promise((resolve) => stopped.signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    await operator.stop();
  }
}

if (values.help) process.stdout.write(HELP);
else {
  await run().catch((error: unknown) => {
    process.stderr.write(`keelson-ingress: ${errorMessage(error)}\n`);
    process.exitCode = 1;
  });
}
