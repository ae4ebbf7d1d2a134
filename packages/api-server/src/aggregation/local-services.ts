import { facts, isServedByDefault } from '@keelson/api';
import type { APIService } from '@keelson/api/apiregistration/v1';

/** Says of an APIService who keeps it: nobody (no such label), a start of the API server, or the API server all the time. */
export const AUTO_MANAGED = 'kube-aggregator.kubernetes.io/automanaged';

/** The groups that come with Kubernetes, the first first. The core group is before all others. */
const GROUP_PRIORITIES: Readonly<Record<string, number>> = {
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'admissionregistration.k8s.io': 16_700,
  'apiextensions.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  'internal.apiserver.k8s.io': 16_000,
  'resource.k8s.io': 15_900,
  'storagemigration.k8s.io': 15_800,
};

/** What does not follow from how stable a version is. */
const VERSION_PRIORITIES: Readonly<Record<string, number>> = {
  v1: 1,
  'autoscaling/v2': 30,
  'flowcontrol.apiserver.k8s.io/v1': 21,
};

/** An APIService for each version of a group that this API server serves by itself, but for that of APIServices. */
export function builtinApiServices(): APIService[] {
  const served = facts().resources.filter(isServedByDefault);
  const names = new Set(served.map(({ group, version }) => (group === '' ? version : `${group}/${version}`)));
  return [...names].flatMap((groupVersion) => {
    const [version = '', group = ''] = groupVersion.split('/').toReversed();
    const groupPriorityMinimum = GROUP_PRIORITIES[group];
    if (groupPriorityMinimum === undefined) return [];
    const versionPriority = VERSION_PRIORITIES[groupVersion] ?? stability(version);
    return [localService({ group, version, groupPriorityMinimum, versionPriority }, 'onstart')];
  });
}

/** Of a version of a group that custom resources are served in. */
export function customApiService({ group, version }: GroupVersion): APIService {
  return localService({ group, version, groupPriorityMinimum: 1_000, versionPriority: 100 }, 'true');
}

function stability(version: string): number {
  if (version.includes('alpha')) return 1;
  return version.includes('beta') ? 9 : 15;
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

function localService(spec: NonNullable<APIService['spec']> & GroupVersion, managed: 'onstart' | 'true'): APIService {
  return { metadata: { name: apiServiceName(spec), labels: { [AUTO_MANAGED]: managed } }, spec };
}

/** `v1.apps`, and `v1.` of the core group. */
export function apiServiceName({ group, version }: GroupVersion): string {
  return `${version}.${group}`;
}
