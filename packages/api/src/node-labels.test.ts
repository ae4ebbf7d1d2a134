import { expect, it } from 'vitest';
import { mayKubeletLabel } from './index.ts';

it.each([
  ['disk', true],
  ['example.com/disk', true],
  ['kubernetes.io/hostname', true],
  ['topology.kubernetes.io/zone', true],
  ['node.kubernetes.io/instance-type', true],
  ['sub.kubelet.kubernetes.io/anything', true],
  ['kubernetes.io/role', false],
  ['example.k8s.io/x', false],
  ['node-role.kubernetes.io/control-plane', false],
  ['node-restriction.kubernetes.io/x', false],
  ['sub.node-restriction.kubernetes.io/x', false],
  ['notkubernetes.io/x', true],
])('says whether a kubelet may set %s: %s', (key, may) => {
  expect(mayKubeletLabel(key)).toBe(may);
});
