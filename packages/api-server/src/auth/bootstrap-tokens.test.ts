import type { TokenReview } from '@keelson/api/authentication/v1';
import { silentLogger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import type { Transport } from '@keelson/client';
import { createSigningKey } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureObjects } from '../bootstrap/ensure-objects.ts';
import { joiningObjects } from '../bootstrap/joining.ts';
import { bootstrapObjects } from '../bootstrap/objects.ts';
import { ApiProbe } from '../test-support/api-probe.ts';
import { startTestApiServer, type TestApiServer } from '../testing.ts';
import { AuthenticatorChain } from './authenticators.ts';
import { ClusterAuth } from './cluster-auth.ts';

const TOKEN = 'abcdef.0123456789abcdef';
const SECRETS = '/api/v1/namespaces/kube-system/secrets';
const GOOD = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' };

describe('bootstrap tokens', () => {
  let api: TestApiServer;
  let auth: ClusterAuth;
  let admin: ApiProbe;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    const { privateKey: signingKey } = await createSigningKey();
    const transport = (): Transport => api.transport;
    auth = new ClusterAuth({ clock, logger: silentLogger, transport }, { signingKey, bootstrapTokens: true });
    api = await startTestApiServer({ ...auth.extensions, clock });
    admin = new ApiProbe(api.transport);
  });

  afterEach(async () => {
    await auth.stop();
    await api.close();
  });

  const makeToken = (more: object = {}, type = 'bootstrap.kubernetes.io/token') =>
    admin.create(SECRETS, { metadata: { name: 'bootstrap-token-abcdef' }, type, stringData: { ...GOOD, ...more } });
  const remove = () => api.transport.request({ method: 'DELETE', path: `${SECRETS}/bootstrap-token-abcdef` });
  const authenticate = (token = TOKEN) =>
    new AuthenticatorChain(auth.extensions.authenticators ?? []).authenticate({ headers: { authorization: `Bearer ${token}` } });

  it('stand for a user of their own, in the groups that their Secret says', async () => {
    await makeToken({ 'auth-extra-groups': 'system:bootstrappers:workers' });

    expect(await authenticate()).toEqual({
      name: 'system:bootstrap:abcdef',
      groups: ['system:bootstrappers', 'system:bootstrappers:workers', 'system:authenticated'],
    });
  });

  it.each([
    ['another secret', {}, 'abcdef.aaaaaaaaaaaaaaaa'],
    ['another id', {}, '000000.0123456789abcdef'],
    ['a token that is only for signing', { 'usage-bootstrap-authentication': 'false' }, TOKEN],
    ['a time that has passed', { expiration: '2001-01-01T00:00:00Z' }, TOKEN],
    ['a time that cannot be read', { expiration: 'tomorrow' }, TOKEN],
    ['groups that no such token may give', { 'auth-extra-groups': 'system:masters' }, TOKEN],
  ])('are refused with %s', async (_title, data, token) => {
    await makeToken(data);

    await expect(authenticate(token)).rejects.toMatchObject({ reason: 'Unauthorized', code: 401 });
  });

  it('are refused in Secrets of another type, and as soon as they are deleted or their time is over', async () => {
    await makeToken({}, 'Opaque');
    await expect(authenticate()).rejects.toMatchObject({ code: 401 });
    await remove();
    await makeToken({ expiration: new Date(clock.now() + 60_000).toISOString() });
    expect((await authenticate()).name).toBe('system:bootstrap:abcdef');

    await clock.advance(60_000);
    await expect(authenticate()).rejects.toMatchObject({ code: 401 });
    await remove();
    await expect(authenticate()).rejects.toMatchObject({ code: 401 });
  });

  it('answer token reviews', async () => {
    await makeToken();

    const reviewed: TokenReview = await admin.create('/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token: TOKEN } });

    expect(reviewed.status).toMatchObject({ authenticated: true, user: { username: 'system:bootstrap:abcdef' } });
  });

  it('let a machine find the cluster and ask for a certificate, and nothing else', async () => {
    await ensureObjects(api.transport, [
      ...bootstrapObjects({ serviceCidr: '10.96.0.0/16', advertise: undefined, clientCa: undefined }),
      ...joiningObjects('kind: Config'),
    ]);
    await auth.ready();
    await makeToken();
    const machine = new ApiProbe(api.server.transport(await authenticate()));
    const anybody = new ApiProbe(api.server.transport({ name: 'system:anonymous', groups: ['system:unauthenticated'] }));

    const info = await anybody.get('/api/v1/namespaces/kube-public/configmaps/cluster-info');
    const requests = await machine.get('/apis/certificates.k8s.io/v1/certificatesigningrequests');

    expect([info.data, requests.items]).toEqual([{ kubeconfig: 'kind: Config' }, []]);
    await expect(anybody.get('/api/v1/namespaces/kube-public/configmaps')).rejects.toMatchObject({ code: 403 });
    await expect(machine.get(SECRETS)).rejects.toMatchObject({ code: 403 });
  });
});
