import { statusOf } from '@keelson/api';
import { expect, it } from 'vitest';
import { ApiProbe } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';
import { EVERY_KIND } from './testing/every-kind.ts';

/** Resource, the field that is refused, and a merge patch that would change it. */
const FIXED: readonly (readonly [resource: string, field: string, patch: object])[] = [
  ['pods', 'spec', { spec: { nodeSelector: { a: 'b' } } }],
  ['secrets', 'type', { type: 'a/b' }],
  ['services', 'spec.clusterIPs[0]', { spec: { clusterIP: '10.96.255.1', clusterIPs: ['10.96.255.1'] } }],
  ['persistentvolumeclaims', 'spec', { spec: { accessModes: ['ReadWriteMany'] } }],
  ['persistentvolumes', 'spec.persistentvolumesource', { spec: { nfs: { path: '/c' } } }],
  ['persistentvolumes', 'volumeMode', { spec: { volumeMode: 'Block' } }],
  ['resourcequotas', 'spec.scopes', { spec: { scopes: ['Terminating'] } }],
  ['controllerrevisions', 'data', { data: { a: 1 } }],
  ['daemonsets', 'spec.selector', { spec: { selector: { matchLabels: { b: 'c' } } } }],
  ['deployments', 'spec.selector', { spec: { selector: { matchLabels: { b: 'c' } } } }],
  ['replicasets', 'spec.selector', { spec: { selector: { matchLabels: { b: 'c' } } } }],
  ['statefulsets', 'spec', { spec: { selector: { matchLabels: { b: 'c' } } } }],
  ['statefulsets', 'spec', { spec: { podManagementPolicy: 'Parallel' } }],
  ['jobs', 'spec.selector', { spec: { selector: { matchLabels: { b: 'c' } } } }],
  ['jobs', 'spec.completions', { spec: { completions: 5 } }],
  ['jobs', 'spec.template', { spec: { template: { spec: { nodeName: 'n' } } } }],
  ['jobs', 'spec.completionMode', { spec: { completionMode: 'Indexed' } }],
  ['jobs', 'spec.managedBy', { spec: { managedBy: 'a.b/c' } }],
  ['endpointslices', 'addressType', { addressType: 'IPv6' }],
  ['ingressclasses', 'spec.controller', { spec: { controller: 'a.b/d' } }],
  ['ipaddresses', 'spec.parentRef', { spec: { parentRef: { name: 'm' } } }],
  ['servicecidrs', 'spec.cidrs[0]', { spec: { cidrs: ['10.8.0.0/16'] } }],
  ['runtimeclasses', 'handler', { handler: 'i' }],
  ['clusterrolebindings', 'roleRef', { roleRef: { name: 'q' } }],
  ['rolebindings', 'roleRef', { roleRef: { name: 'q' } }],
  ['resourceclaims', 'spec', { spec: { devices: { requests: [] } } }],
  ['resourceclaimtemplates', 'spec', { spec: { spec: { devices: { requests: [] } } } }],
  ['resourceslices', 'spec.driver', { spec: { driver: 'c.d' } }],
  ['resourceslices', 'spec.pool.name', { spec: { pool: { name: 'q' } } }],
  ['resourceslices', 'spec.nodeName', { spec: { nodeName: 'm' } }],
  ['priorityclasses', 'value', { value: 6 }],
  ['priorityclasses', 'preemptionPolicy', { preemptionPolicy: 'Never' }],
  ['csidrivers', 'spec.attachedRequired', { spec: { attachRequired: false } }],
  ['csidrivers', 'spec.volumeLifecycleModes', { spec: { volumeLifecycleModes: ['Ephemeral'] } }],
  ['csistoragecapacities', 'storageClassName', { storageClassName: 't' }],
  ['csistoragecapacities', 'nodeTopology', { nodeTopology: {} }],
  ['storageclasses', 'provisioner', { provisioner: 'q' }],
  ['storageclasses', 'parameters', { parameters: { a: 'b' } }],
  ['storageclasses', 'reclaimPolicy', { reclaimPolicy: 'Retain' }],
  ['storageclasses', 'volumeBindingMode', { volumeBindingMode: 'WaitForFirstConsumer' }],
  ['volumeattachments', 'spec', { spec: { nodeName: 'm' } }],
  ['volumeattributesclasses', 'driverName', { driverName: 'e' }],
  ['volumeattributesclasses', 'parameters', { parameters: { a: 'c' } }],
];

it.each(FIXED)('of %s: %s', async (resource, field, patch) => {
  const [kind] = EVERY_KIND.filter(({ path }) => path.endsWith(`/${resource}`));
  await using server = await startTestApiServer();
  const probe = new ApiProbe(server.transport);
  const made = await probe.create(kind?.path ?? '', kind?.body);

  const refused = await probe.merge(`${kind?.path}/${made.metadata.name}`, patch).catch(statusOf);

  expect(refused).toMatchObject({ code: 422, details: { causes: expect.arrayContaining([expect.objectContaining({ field })]) } });
  expect(await probe.get(`${kind?.path}/${made.metadata.name}`)).toEqual(made);
});
