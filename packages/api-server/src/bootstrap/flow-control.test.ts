import { expect, it } from 'vitest';
import { ApiProbe, type Loose } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';
import { ensureObjects } from './ensure-objects.ts';
import { bootstrapObjects } from './objects.ts';

const GROUP = '/apis/flowcontrol.apiserver.k8s.io/v1';
const OPTIONS = { serviceCidr: '10.96.0.0/16', advertise: undefined, clientCa: undefined };

it('gives a cluster priorities that the API accepts, with a level for each schema', async () => {
  await using server = await startTestApiServer();
  const probe = new ApiProbe(server.transport);
  await ensureObjects(server.transport, bootstrapObjects(OPTIONS));

  const levels: Loose[] = (await probe.get(`${GROUP}/prioritylevelconfigurations`)).items;
  const schemas: Loose[] = (await probe.get(`${GROUP}/flowschemas`)).items;

  const named = new Set(levels.map(({ metadata }) => metadata.name));
  expect([levels.length, schemas.length]).toEqual([8, 13]);
  expect(schemas.filter(({ spec }) => !named.has(spec.priorityLevelConfiguration.name))).toEqual([]);
});
