import { X509Certificate } from 'node:crypto';
import type { Authorizer } from '@keelson/api-server';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { createAuthority, createCertificateRequest, type CertificateAuthority } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { certificateApprovingController } from './certificate-approving-controller.ts';
import { certificateCleanerController } from './certificate-cleaner-controller.ts';
import { certificateSigningController } from './certificate-signing-controller.ts';

type Names = Parameters<typeof createCertificateRequest>[0];
type Spec = Partial<CertificateSigningRequest['spec']>;
type Usages = NonNullable<Spec['usages']>;

const NODE: Names = { commonName: 'system:node:one', organizations: ['system:nodes'] };
const API_CLIENT = 'kubernetes.io/kube-apiserver-client';
const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING = 'kubernetes.io/kubelet-serving';
const HOUR_MS = 3_600_000;

let world: World;
let clock: ManualClock;
let authority: CertificateAuthority;

/** Whether a user may have a certificate without anybody being asked. */
let allowed: (user: string, permission: string) => boolean;

beforeEach(async () => {
  clock = new ManualClock();
  allowed = () => false;
  const authorizer: Authorizer = {
    authorize: async ({ user, resource: { subresource = '' } = {} }) => ({
      allowed: !subresource.endsWith('nodeclient') || allowed(user.name, subresource),
    }),
  };
  world = await startWorld({ clock, authorizer });
  authority = await createAuthority({ commonName: 'ca', now: () => clock.now() });
});

afterEach(() => world[Symbol.asyncDispose]());

const requests = () => world.client.resource(CertificateSigningRequest);

async function ask(names: Names, spec: Spec = {}, client = world.client): Promise<void> {
  const { request } = await createCertificateRequest(names);
  const usages: Usages = ['client auth'];
  const encoded = Buffer.from(request).toString('base64');
  await client
    .resource(CertificateSigningRequest)
    .create({ metadata: { name: 'r' }, spec: { signerName: API_CLIENT, usages, ...spec, request: encoded } });
}

async function decide(type: 'Approved' | 'Denied' | 'Failed'): Promise<void> {
  const request = await requests().get({ name: 'r' });
  const now = new Date(clock.now()).toISOString().replace(/\.\d+/, '');
  const condition = { type, status: 'True', reason: 'Test', lastUpdateTime: now };
  const body = { ...request, status: { conditions: [...(request.status?.conditions ?? []), condition] } };
  await requests().subresource({ name: 'r' }, { subresource: 'approval', method: 'PUT', body });
}

const failure = () =>
  eventually(async () => (await requests().get({ name: 'r' })).status?.conditions?.find(({ type }) => type === 'Failed'));
const signed = () =>
  eventually(async () => {
    const { certificate } = (await requests().get({ name: 'r' })).status ?? {};
    return certificate !== undefined && new X509Certificate(Buffer.from(certificate, 'base64'));
  });
const isThere = async () => (await requests().find({ name: 'r' })) !== undefined;

describe('certificatesigningrequest-signing-controller', () => {
  beforeEach(() => world.run(certificateSigningController(authority)));

  it('signs what is approved, for a year', async () => {
    await ask(
      { commonName: 'jane', organizations: ['dev'], dnsNames: ['a.example'] },
      { usages: ['client auth', 'digital signature'] },
    );
    await turns();
    expect(world.writes).toEqual([]);

    await decide('Approved');

    const certificate = await signed();
    expect(certificate.subject).toBe('O=dev\nCN=jane');
    expect(certificate.subjectAltName).toBe('DNS:a.example');
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(certificate.validToDate.getTime() - certificate.validFromDate.getTime()).toBe(365 * 24 * HOUR_MS);
  });

  it('signs for a shorter time if asked to', async () => {
    await ask({ commonName: 'jane' }, { expirationSeconds: 3600 });
    await decide('Approved');

    expect((await signed()).validToDate.getTime()).toBe(clock.now() + HOUR_MS);
  });

  it.each<{ title: string; names: Names; signerName: string; usages: Usages; want: string }>([
    {
      title: 'a client that wants to serve',
      names: { commonName: 'jane' },
      signerName: API_CLIENT,
      usages: ['client auth', 'server auth'],
      want: 'invalid usage for client certificate: server auth',
    },
    {
      title: 'a client that does not want to be one',
      names: { commonName: 'jane' },
      signerName: API_CLIENT,
      usages: ['digital signature'],
      want: 'missing required usage for client certificate: client auth',
    },
    {
      title: 'a kubelet that is in no group of nodes',
      names: { ...NODE, organizations: ['system:nodes', 'system:masters'] },
      signerName: KUBELET_CLIENT,
      usages: ['client auth', 'digital signature'],
      want: 'subject organization is not system:nodes',
    },
    {
      title: 'a kubelet that is called as users are',
      names: { ...NODE, commonName: 'jane' },
      signerName: KUBELET_CLIENT,
      usages: ['client auth', 'digital signature'],
      want: 'subject common name does not begin with system:node: ',
    },
    {
      title: 'a kubelet that has addresses as a client',
      names: { ...NODE, ipAddresses: ['10.0.0.1'] },
      signerName: KUBELET_CLIENT,
      usages: ['client auth', 'digital signature'],
      want: 'IP subjectAltNames are not allowed',
    },
    {
      title: 'a kubelet that serves nowhere',
      names: NODE,
      signerName: SERVING,
      usages: ['server auth', 'digital signature'],
      want: 'DNS or IP subjectAltName is required',
    },
    {
      title: 'a kubelet that serves under a URI',
      names: { ...NODE, dnsNames: ['one'], uris: ['spiffe://one'] },
      signerName: SERVING,
      usages: ['server auth', 'digital signature'],
      want: 'URI subjectAltNames are not allowed',
    },
    {
      title: 'a serving kubelet that wants to be a client',
      names: { ...NODE, dnsNames: ['one'] },
      signerName: SERVING,
      usages: ['server auth', 'client auth', 'digital signature'],
      want: 'usages did not match [digital signature key encipherment server auth]',
    },
  ])('says that it does not sign $title', async ({ names, want, ...spec }) => {
    await ask(names, spec);
    await decide('Approved');

    expect(await failure()).toMatchObject({ status: 'True', reason: 'SignerValidationFailure', message: want });
    expect((await requests().get({ name: 'r' })).status?.certificate).toBeUndefined();
  });

  it.each<{ signerName: string; usages: Usages; names: Names }>([
    { signerName: KUBELET_CLIENT, usages: ['key encipherment', 'client auth', 'digital signature'], names: NODE },
    { signerName: SERVING, usages: ['server auth', 'digital signature'], names: { ...NODE, ipAddresses: ['10.0.0.1'] } },
  ])('signs for kubelets: $signerName', async ({ names, ...spec }) => {
    await ask(names, spec);
    await decide('Approved');

    expect((await signed()).subject).toContain('CN=system:node:one');
  });

  it.each([
    { title: 'other signers', signerName: 'example.com/mine', decisions: ['Approved'] as const },
    { title: 'what is denied', signerName: API_CLIENT, decisions: ['Denied'] as const },
    { title: 'what has failed', signerName: API_CLIENT, decisions: ['Approved', 'Failed'] as const },
  ])('leaves $title alone', async ({ signerName, decisions }) => {
    await world.stopControllers();
    await ask({ commonName: 'jane' }, { signerName });
    for (const decision of decisions) await decide(decision);

    await world.run(certificateSigningController(authority));
    await turns();

    expect(world.writes).toEqual([]);
  });
});

describe('certificatesigningrequest-approving-controller', () => {
  const usages: Usages = ['client auth', 'digital signature'];

  beforeEach(() => world.run(certificateApprovingController));

  const approval = async () => (await requests().get({ name: 'r' })).status?.conditions?.find(({ type }) => type === 'Approved');
  const reviews = () => world.calls.filter((call) => call.startsWith('POST') && call.endsWith('subjectaccessreviews'));

  it('approves the kubelets of any node for who may ask for them', async () => {
    allowed = (user, permission) => user === 'test-admin' && permission === 'nodeclient';
    await ask(NODE, { signerName: KUBELET_CLIENT, usages });

    expect(await eventually(approval)).toMatchObject({
      status: 'True',
      reason: 'AutoApproved',
      message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
    });
  });

  it('approves a kubelet that renews its own', async () => {
    allowed = (_user, permission) => permission === 'selfnodeclient';
    const node = world.api.server.transport({ name: NODE.commonName, groups: ['system:nodes', 'system:authenticated'] });
    await ask(NODE, { signerName: KUBELET_CLIENT, usages }, createClient(node));

    expect(await eventually(approval)).toMatchObject({
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    });
  });

  it('asks again for who may not have one yet', async () => {
    await ask(NODE, { signerName: KUBELET_CLIENT, usages });
    await eventually(() => reviews().length === 1);
    await turns();
    expect(await approval()).toBeUndefined();

    allowed = () => true;
    await clock.advance(60_000);

    expect(await eventually(approval)).toMatchObject({ reason: 'AutoApproved' });
  });

  it.each<{ title: string; names: Names; spec: Spec }>([
    { title: 'users', names: { commonName: 'jane' }, spec: { signerName: KUBELET_CLIENT, usages } },
    { title: 'what kubelets serve with', names: { ...NODE, dnsNames: ['one'] }, spec: { signerName: SERVING, usages } },
    { title: 'what an API client asks for', names: NODE, spec: { usages } },
  ])('does not even ask for $title', async ({ names, spec }) => {
    allowed = () => true;
    await ask(names, spec);
    await turns();

    expect([reviews(), await approval()]).toEqual([[], undefined]);
  });
});

describe('certificatesigningrequest-cleaner-controller', () => {
  async function goesAfter(ms: number): Promise<void> {
    await turns();
    await clock.advance(ms - 2_000);
    await turns();
    const early = await isThere();
    await clock.advance(4_000);
    await eventually(async () => !(await isThere()));
    expect(early).toBe(true);
  }

  it('deletes what nobody has decided for a day', async () => {
    await world.run(certificateCleanerController);
    await ask({ commonName: 'jane' });

    await goesAfter(24 * HOUR_MS);
  });

  it.each(['Denied', 'Failed'] as const)('deletes what is %s after an hour', async (decision) => {
    await world.run(certificateCleanerController);
    await ask({ commonName: 'jane' });
    await decide(decision);

    await goesAfter(HOUR_MS);
  });

  it('deletes what is issued an hour after it was approved, or when the certificate has run out', async () => {
    await world.run(certificateCleanerController, certificateSigningController(authority));
    await ask({ commonName: 'jane' });
    await decide('Approved');
    await signed();
    await goesAfter(HOUR_MS);

    await ask({ commonName: 'jane' }, { expirationSeconds: 600 });
    await decide('Approved');
    await signed();
    await goesAfter(600_000);
  });

  it('keeps what is approved and not yet issued', async () => {
    await world.run(certificateCleanerController);
    await ask({ commonName: 'jane' });
    await decide('Approved');
    await turns();
    await clock.advance(2 * 24 * HOUR_MS);
    await turns();

    expect(await isThere()).toBe(true);
  });
});
