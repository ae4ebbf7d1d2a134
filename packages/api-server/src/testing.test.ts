import { expect, it } from 'vitest';
import { HttpsServer } from './test-support/https-server.ts';

it('issues tokens of service accounts, and knows them again', async () => {
  await using server = await HttpsServer.start();

  const issued = await server.json('/api/v1/namespaces/default/serviceaccounts/default/token', { method: 'POST', value: {} });
  const who = await server.json('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    method: 'POST',
    value: {},
    headers: { authorization: `Bearer ${issued.value.status.token}` },
  });

  expect(issued.status).toBe(201);
  expect(who.value.status.userInfo.username).toBe('system:serviceaccount:default:default');
});

it('answers who may do what', async () => {
  await using server = await HttpsServer.start();

  const { value } = await server.json('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    method: 'POST',
    value: { spec: { resourceAttributes: { verb: 'create', resource: 'pods' } } },
  });

  expect(value.status).toMatchObject({ allowed: true });
});
