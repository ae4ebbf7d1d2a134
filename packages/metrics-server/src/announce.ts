import { APIService } from '@keelson/api/apiregistration/v1';
import { ClusterRole } from '@keelson/api/rbac/v1';
import { isReason } from '@keelson/base';
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
  rules: [{ apiGroups: [GROUP], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] }],
};

/** Makes what tells of the API in a cluster whose own API server serves it: an APIService that is available, and the role of those who read. */
export async function announceMetrics(client: Client): Promise<void> {
  const spec = { group: GROUP, version: VERSION, groupPriorityMinimum: 100, versionPriority: 100 };
  await made(client.resource(ClusterRole).create(READER));
  await made(client.resource(APIService).create({ metadata: { name: NAME, labels: { 'k8s-app': 'metrics-server' } }, spec }));
}

/** What is there already stays as it is. */
async function made(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error: unknown) => {
    if (!isReason(error, 'AlreadyExists')) throw error;
  });
}
