import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTime } from '@keelson/api';
import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { Node } from '@keelson/api/core/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { createClient, type Client, type ClusterConfig, type Transport } from '@keelson/client';
import { createAuthority, type CertificateAuthority } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeCredentials } from './node-credentials.ts';

const HOUR_MS = 3_600_000;
const CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
const SERVING = 'kubernetes.io/kubelet-serving';

describe('NodeCredentials', () => {
  let api: TestApiServer;
  let admin: Client;
  let clock: ManualClock;
  let authority: CertificateAuthority;
  let directory: string;
  let credentials: NodeCredentials;
  let down: boolean;

  beforeEach(async () => {
    down = false;
    clock = new ManualClock(Date.UTC(2026, 0, 1));
    api = await startTestApiServer({ clock });
    admin = createClient(api.transport);
    authority = await createAuthority({ commonName: 'ca', now: () => clock.now() });
    directory = await mkdtemp(join(tmpdir(), 'node-credentials-'));
    credentials = make();
  });
  afterEach(async () => {
    await credentials.stop();
    await api.close();
    await rm(directory, { recursive: true });
  });

  function make(expirationSeconds = 10 * 3600, ip = '10.0.0.7'): NodeCredentials {
    const bootstrap = { server: 'https://api', namespace: 'default', token: async () => 'abcdef.0123456789abcdef' };
    const addresses = [
      { type: 'InternalIP', address: ip },
      { type: 'Hostname', address: 'n1' },
    ];
    const options = { nodeName: 'n1', directory, bootstrap, addresses, expirationSeconds, random: () => 0.5 };
    return new NodeCredentials({ clock, logger: silentLogger, connect }, options);
  }

  /** As whom the server would know the caller: by its token, or by its certificate as long as that holds. */
  function connect({ token, certificate }: ClusterConfig): Transport {
    const name = token ? 'system:bootstrap:abcdef' : commonNameOf(certificate ?? '');
    const transport = api.server.transport({ name, groups: ['system:authenticated'] });
    return {
      ...transport,
      request: async (call) => {
        if (down) throw new Error('connect ECONNREFUSED');
        return transport.request(call);
      },
      watch: (call) => transport.watch(call),
      close: async () => undefined,
    };
  }

  const requests = async (signerName: string) =>
    (await admin.resource(CertificateSigningRequest).list()).items.filter(({ spec }) => spec.signerName === signerName);
  const isOpen = ({ status }: CertificateSigningRequest): boolean => (status?.conditions ?? []).length === 0;

  /** Decides on the next request for this signer, as somebody would. */
  async function decide(signerName: string, type: 'Approved' | 'Denied' = 'Approved'): Promise<CertificateSigningRequest> {
    await expect.poll(async () => (await requests(signerName)).some(isOpen)).toBe(true);
    const [request] = (await requests(signerName)).filter(isOpen);
    if (!request) throw new Error('gone');
    const condition = { type, status: 'True', reason: 'Test', message: 'by hand', lastUpdateTime: formatTime(clock.now()) };
    const client = admin.resource(CertificateSigningRequest);
    const where = { name: request.metadata?.name ?? '' };
    const body = { ...request, status: { conditions: [condition] } };
    const decided = (await client.subresource(where, {
      subresource: 'approval',
      method: 'PUT',
      body,
    })) as CertificateSigningRequest;
    if (type === 'Denied') return request;
    const { usages = [], expirationSeconds = 0 } = request.spec;
    const pem = await authority.sign(Buffer.from(request.spec.request, 'base64').toString(), {
      usages,
      validMs: expirationSeconds * 1000,
    });
    await client.updateStatus({ ...decided, status: { ...decided.status, certificate: Buffer.from(pem).toString('base64') } });
    return request;
  }

  async function becomeKnown(): Promise<void> {
    const started = credentials.start(AbortSignal.timeout(60_000));
    await decide(CLIENT);
    await started;
    await decide(SERVING);
    await expect.poll(() => credentials.servingCertificate.current).toBeDefined();
  }

  it('has a node become known by its token, and then ask for the certificate of its API as itself', async () => {
    await becomeKnown();

    const [[client], [serving]] = await Promise.all([requests(CLIENT), requests(SERVING)]);
    expect(client?.spec).toMatchObject({ username: 'system:bootstrap:abcdef', usages: ['digital signature', 'client auth'] });
    expect(serving?.spec).toMatchObject({ username: 'system:node:n1', usages: ['digital signature', 'server auth'] });
    const certificate = new X509Certificate(credentials.servingCertificate.current?.certificate ?? '');
    expect(certificate.subject).toContain('CN=system:node:n1');
    expect(certificate.subjectAltName).toBe('DNS:n1, IP Address:10.0.0.7');
    expect(await credentials.client.resource(Node).list()).toMatchObject({ items: [] });
    const kept = join(directory, 'kubelet-client-current.pem');
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    expect(await readFile(kept, 'utf8')).toContain(credentials.clientCertificate.current?.certificate);
  });

  it('replaces both when 70 to 90 % of their time is over, the client certificate by itself', async () => {
    await becomeKnown();
    const first = [credentials.clientCertificate.current, credentials.servingCertificate.current];
    const lifeMs = 10 * HOUR_MS;

    await clock.advance(0.79 * lifeMs);
    expect(await requests(CLIENT)).toHaveLength(1);
    await clock.advance(0.02 * lifeMs);
    const [client] = await Promise.all([decide(CLIENT), decide(SERVING)]);

    await expect.poll(() => credentials.clientCertificate.current !== first[0]).toBe(true);
    await expect.poll(() => credentials.servingCertificate.current !== first[1]).toBe(true);
    expect(client.spec.username).toBe('system:node:n1');
    expect(credentials.clientCertificate.current?.notAfterMs).toBeGreaterThan(clock.now() + 0.9 * lifeMs);
  });

  it('takes up what it has after a restart, and asks for nothing', async () => {
    await becomeKnown();
    await credentials.stop();

    credentials = make();
    await credentials.start(AbortSignal.timeout(60_000));

    expect(credentials.servingCertificate.current).toBeDefined();
    expect(await requests(CLIENT)).toHaveLength(1);
    expect(await requests(SERVING)).toHaveLength(1);
  });

  it('asks anew for what it serves with when it has got another address', async () => {
    await becomeKnown();
    await credentials.stop();

    credentials = make(undefined, '10.0.0.8');
    await credentials.start(AbortSignal.timeout(20_000));
    await decide(SERVING);
    await expect.poll(() => credentials.servingCertificate.current).toBeDefined();

    const { subjectAltName } = new X509Certificate(credentials.servingCertificate.current?.certificate ?? '');
    expect(subjectAltName).toBe('DNS:n1, IP Address:10.0.0.8');
    expect(await requests(CLIENT)).toHaveLength(1);
  });

  it.each([
    { title: 'has run out', spoil: () => clock.advance(11 * HOUR_MS) },
    { title: 'is cut off', spoil: () => writeFile(join(directory, 'kubelet-client-current.pem'), '-----BEGIN CERT') },
  ])('begins anew with its token if what it has $title', async ({ spoil }) => {
    await becomeKnown();
    await credentials.stop();
    await spoil();

    credentials = make();
    const started = credentials.start(AbortSignal.timeout(60_000));
    const again = await decide(CLIENT);
    await started;

    expect(again.spec.username).toBe('system:bootstrap:abcdef');
  });

  it('asks again after it was denied, and after an API that was away', async () => {
    const started = credentials.start(AbortSignal.timeout(60_000));
    await decide(CLIENT, 'Denied');
    down = true;
    await expect.poll(() => clock.advance(3000).then(() => clock.pending)).toBeGreaterThan(0);
    down = false;
    for (let second = 0; second < 20; second += 1) await clock.advance(1000);

    await decide(CLIENT);
    await started;

    expect(credentials.clientCertificate.current).toBeDefined();
  });

  it('gives up a request that nobody decides on, and makes another', async () => {
    const started = credentials.start(AbortSignal.timeout(60_000));
    await expect.poll(async () => (await requests(CLIENT)).length).toBe(1);
    await clock.advance(15 * 60_000);
    await expect.poll(async () => (await clock.advance(1000), (await requests(CLIENT)).length)).toBe(2);

    await decide(CLIENT);
    await decide(CLIENT);
    await started;
  });
});

function commonNameOf(certificate: string): string {
  return /CN=(.+)/.exec(new X509Certificate(certificate).subject)?.[1] ?? '';
}
