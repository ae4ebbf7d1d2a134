import { formatTime } from '@keelson/api';
import { APIService } from '@keelson/api/apiregistration/v1';
import { ClusterRole } from '@keelson/api/rbac/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';

const GROUP = 'metrics.k8s.io';
const VERSION = 'v1beta1';
const NAME = `${VERSION}.${GROUP}`;

/** Who may read a namespace, or all, may read its metrics. */
const READER: ClusterRole = {
  metadata: {
    name: 'system:aggregated-metrics-reader',
    labels: Object.fromEntries(
      ['admin', 'edit', 'view'].map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']),
    ),
  },
  rules: [{ apiGroups: [GROUP], resources: ['nodes', 'pods'], verbs: ['get', 'list', 'watch'] }],
};

/** Makes what tells of the API in a cluster whose own API server serves it: an APIService that is available, and the role of those who read. */
export async function announceMetrics(client: Client, clock: Clock): Promise<void> {
  const services = client.resource(APIService);
  const spec = { group: GROUP, version: VERSION, groupPriorityMinimum: 100, versionPriority: 100 };
  await made(client.resource(ClusterRole).create(READER));
  await made(services.create({ metadata: { name: NAME, labels: { 'k8s-app': 'metrics-server' } }, spec }));
  const { status } = await services.get({ name: NAME });
  if (status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True')) return;
  const condition = {
    type: 'Available',
    status: 'True',
    reason: 'Local',
    message: 'Local APIServices are always available',
    lastTransitionTime: formatTime(clock.now()),
  };
  await services.patchStatus({ name: NAME }, 'merge', { status: { conditions: [condition] } });
}

/** What is there already stays as it is. */
async function made(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error: unknown) => {
    if (!isReason(error, 'AlreadyExists')) throw error;
  });
}
