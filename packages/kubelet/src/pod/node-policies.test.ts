import { expect, it } from 'vitest';
import type { PodSpec } from '@keelson/api/core/v1';
import { refusedByPolicy } from './node-policies.ts';

const policies = { allowedUnsafeSysctls: ['net.core.*', 'kernel.msgmax'], strictGroups: false, appArmor: undefined };
const sysctl = (name: string, more: Partial<PodSpec> = {}) => ({ securityContext: { sysctls: [{ name, value: '1' }] }, ...more });

it.each<{ spec: Partial<PodSpec>; want: string | undefined }>([
  { spec: {}, want: undefined },
  { spec: sysctl('net.ipv4.tcp_syncookies'), want: undefined },
  { spec: sysctl('net/ipv4/tcp_syncookies'), want: undefined },
  { spec: sysctl('net.core.somaxconn'), want: undefined },
  { spec: sysctl('kernel.msgmax'), want: undefined },
  { spec: sysctl('kernel.msgmnb'), want: 'forbidden sysctl: "kernel.msgmnb" not allowlisted' },
  { spec: sysctl('net.ipv4.ip_forward'), want: 'forbidden sysctl: "net.ipv4.ip_forward" not allowlisted' },
  {
    spec: sysctl('net.ipv4.tcp_syncookies', { hostNetwork: true }),
    want: 'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
  },
  {
    spec: sysctl('kernel.shm_rmid_forced', { hostIPC: true }),
    want: 'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled',
  },
  { spec: { securityContext: { supplementalGroupsPolicy: 'Merge' } }, want: undefined },
  {
    spec: { securityContext: { supplementalGroupsPolicy: 'Strict' } },
    want: 'SupplementalGroupsPolicy=Strict is not supported in this node',
  },
])('judges $spec: $want', ({ spec, want }) => {
  expect(refusedByPolicy({ spec: { containers: [], ...spec } }, policies)?.message).toBe(want);
});

it.each<{ spec: Partial<PodSpec>; appArmor: boolean | undefined; want: string | undefined }>([
  { spec: confined('RuntimeDefault'), appArmor: true, want: undefined },
  { spec: confined('Unconfined'), appArmor: false, want: undefined },
  { spec: confined('RuntimeDefault'), appArmor: false, want: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' },
  {
    spec: confined('Localhost'),
    appArmor: undefined,
    want: 'Cannot enforce AppArmor: the container runtime applies no AppArmor profiles',
  },
  {
    spec: { initContainers: [{ name: 'i', ...confined('Localhost') }] },
    appArmor: false,
    want: 'Cannot enforce AppArmor: AppArmor is not enabled on the host',
  },
])('lets a pod have $spec where AppArmor is $appArmor: $want', ({ appArmor, spec, want }) => {
  const verdict = refusedByPolicy({ spec: { containers: [], ...spec } }, { ...policies, appArmor });

  expect(verdict?.message).toBe(want);
  expect(verdict?.reason).toBe(want && 'AppArmor');
});

function confined(type: string) {
  return { securityContext: { appArmorProfile: { type } } };
}
