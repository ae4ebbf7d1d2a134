import { builtinDefinitions } from '../registry/builtin-definitions.ts';
import { expect, it } from 'vitest';
import { ApiProbe } from '../test-support/api-probe.ts';
import { ensureObjects } from '../bootstrap/ensure-objects.ts';
import { bootstrapObjects } from '../bootstrap/objects.ts';
import { startTestApiServer } from '../testing.ts';
import { apiServiceName, builtinApiServices } from './local-services.ts';

it('makes an APIService of each version that is served, but of that of APIServices', () => {
  const served = new Set(builtinDefinitions().map(apiServiceName));
  served.delete('v1.apiregistration.k8s.io');

  expect(
    builtinApiServices()
      .map(({ metadata }) => metadata?.name)
      .toSorted(),
  ).toEqual([...served].toSorted());
});

it('ranks groups and versions as Kubernetes does', () => {
  const spec = (name: string) => builtinApiServices().find(({ metadata }) => metadata?.name === name)?.spec;

  expect(spec('v1.')).toMatchObject({ groupPriorityMinimum: 18_000, versionPriority: 1 });
  expect(spec('v2.autoscaling')).toMatchObject({ groupPriorityMinimum: 17_500, versionPriority: 30 });
  expect(spec('v1beta1.networking.k8s.io')).toMatchObject({ groupPriorityMinimum: 17_200, versionPriority: 9 });
});

it('has them available from the start of a cluster', async () => {
  await using api = await startTestApiServer();
  await ensureObjects(
    api.transport,
    bootstrapObjects({ serviceCidr: '10.96.0.0/16', advertise: undefined, clientCa: undefined }),
  );

  const { items } = await new ApiProbe(api.transport).get('/apis/apiregistration.k8s.io/v1/apiservices');

  expect(items).toHaveLength(builtinApiServices().length);
  for (const { status } of items) expect(status.conditions).toMatchObject([{ type: 'Available', status: 'True' }]);
});
