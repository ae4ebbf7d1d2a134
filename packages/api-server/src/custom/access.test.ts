import { expect, it } from 'vitest';
import { RbacAuthorizer } from '../auth/rbac.ts';
import { RoleIndex } from '../auth/role-index.ts';
import { ApiProbe } from '../test-support/api-probe.ts';
import { BOATS, boat, boats, customWorld, failure } from './test-support.ts';

/** Sailors read boats in one namespace, and write nothing but their status. */
const ROLES = new RoleIndex();
ROLES.putRole({
  metadata: { name: 'sailor', namespace: 'default' },
  rules: [
    { apiGroups: ['example.com'], resources: ['boats'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['example.com'], resources: ['boats/status'], verbs: ['patch'] },
  ],
});
ROLES.putBinding({
  metadata: { name: 'sailors', namespace: 'default' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'sailor' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'popeye' }],
});

it('is given by roles, as to built-in kinds', async () => {
  const authorizer = new RbacAuthorizer(ROLES);
  await using api = await customWorld([boats({ version: { subresources: { status: {} } } })], { authorizer });
  const sailor = new ApiProbe(api.server.transport({ name: 'popeye', groups: [] }));
  await api.probe.create(BOATS, boat('a'));

  const read = await sailor.get(`${BOATS}/a`);
  const status = await sailor.merge(`${BOATS}/a/status`, { status: { size: 2 } });
  const refused = await sailor.create(BOATS, boat('b')).catch(failure);
  const elsewhere = await sailor.get('/apis/example.com/v1/boats').catch(failure);

  expect(read.metadata.name).toBe('a');
  expect(status.status).toEqual({ size: 2 });
  expect(refused.message).toBe(
    'boats.example.com is forbidden: User "popeye" cannot create resource "boats" in API group "example.com" in the namespace "default"',
  );
  expect(elsewhere).toMatchObject({ reason: 'Forbidden', code: 403 });
});
