import type { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { createCertificateRequest } from '@keelson/pki';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../testing.ts';

const PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const SIGNER = 'kubernetes.io/kube-apiserver-client';

let api: TestApiServer;
/** `verb name` of signers that the user `jane` may have. */
let allowed: string[];

beforeEach(async () => {
  allowed = [];
  api = await startTestApiServer({
    authorizer: {
      authorize: async ({ verb, resource }) => ({
        allowed: resource?.resource !== 'signers' || allowed.includes(`${verb} ${resource.name}`),
      }),
    },
  });
});

afterEach(() => api.close());

const asJane = () => api.server.transport({ name: 'jane', groups: ['system:authenticated'] });

async function ask(organizations: readonly string[], signerName = SIGNER): Promise<CertificateSigningRequest> {
  const { request } = await createCertificateRequest({ commonName: 'jane', organizations });
  const spec = { signerName, usages: ['client auth'], request: Buffer.from(request).toString('base64') };
  const answer = await api.transport.request({ method: 'POST', path: PATH, body: { metadata: { name: 'r' }, spec } });
  return answer.body as CertificateSigningRequest;
}

async function put(part: string, type: string): Promise<unknown> {
  const request = (await api.transport.request({ method: 'GET', path: `${PATH}/r` })).body as CertificateSigningRequest;
  const body = { ...request, status: { conditions: [{ type, status: 'True', reason: 'Test' }] } };
  return asJane().request({ method: 'PUT', path: `${PATH}/r/${part}`, body });
}

it.each([
  { part: 'approval', type: 'Approved', verb: 'approve' },
  { part: 'approval', type: 'Denied', verb: 'approve' },
  { part: 'status', type: 'Failed', verb: 'sign' },
])('lets only who may $verb write $type', async ({ part, type, verb }) => {
  await ask(['dev']);
  await expect(put(part, type)).rejects.toMatchObject({
    reason: 'Forbidden',
    message: `certificatesigningrequests.certificates.k8s.io "r" is forbidden: user not permitted to ${verb} requests with signerName "${SIGNER}"`,
  });

  allowed = [`${verb} ${SIGNER}`];

  await expect(put(part, type)).resolves.toMatchObject({ status: 200 });
});

it('takes a right for all signers of a domain', async () => {
  await ask(['dev']);
  allowed = ['approve kubernetes.io/*'];

  await expect(put('approval', 'Approved')).resolves.toMatchObject({ status: 200 });
});

it('lets others write conditions that issue nothing', async () => {
  await ask(['dev']);

  await expect(put('status', 'Seen')).resolves.toMatchObject({ status: 200 });
});

it('takes no request of an API client that would be a master', async () => {
  await expect(ask(['dev', 'system:masters'])).rejects.toMatchObject({
    reason: 'Forbidden',
    message: `certificatesigningrequests.certificates.k8s.io "r" is forbidden: use of ${SIGNER} signer with system:masters group is not allowed`,
  });
  await expect(ask(['system:masters'], 'example.com/mine')).resolves.toBeDefined();
});
