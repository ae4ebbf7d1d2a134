// The Ingress controller on an API server of its own. Usage: controller BACKEND-PORT INGRESSES
import { Service } from '@keelson/api/core/v1';
import { Ingress } from '@keelson/api/networking/v1';
import { silentLogger } from '@keelson/base';
import { createIngress } from '@keelson/ingress';
import { startCluster } from '@keelson/testing';
import { tellAs } from './part.ts';

const [, , backendPort, ingresses] = process.argv;
const namespace = 'default';
const { client } = await startCluster();
// The API lets no endpoint be on the loopback; a name is resolved for new connections only, so requests cost the same.
const spec = { type: 'ExternalName', externalName: 'backend.example', ports: [{ port: 80, targetPort: Number(backendPort) }] };
await client.resource(Service).create({ metadata: { name: 'shop', namespace }, spec });
const backend = { service: { name: 'shop', port: { number: 80 } } };
const paths = ['/', '/items', '/orders'].map((path) => ({ path, pathType: 'Prefix', backend }));
for (let index = 0; index < Number(ingresses); index += 1) {
  const rules = [{ host: `shop-${index}.example`, http: { paths } }];
  await client
    .resource(Ingress)
    .create({ metadata: { name: `shop-${index}`, namespace }, spec: { ingressClassName: 'keelson', rules } });
}
const { operator, ingress } = await createIngress({
  client,
  logger: silentLogger,
  host: '127.0.0.1',
  httpPort: 0,
  httpsPort: 0,
  externalNames: (_name, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]),
});
await operator.start(new AbortController().signal);
tellAs(ingress.ports.http);
