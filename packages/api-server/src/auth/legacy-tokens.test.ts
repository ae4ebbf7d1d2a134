import type { TokenReview } from '@keelson/api/authentication/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { createSigningKey } from '@keelson/pki';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestApiServer, type TestApiServer } from '../testing.ts';
import { ClusterAuth } from './cluster-auth.ts';

const OWN = 'https://kubernetes.default.svc';

let api: TestApiServer;
let auth: ClusterAuth;
let token: string;

beforeEach(async () => {
  const { privateKey: signingKey } = await createSigningKey();
  const transport = (): Transport => api.transport;
  auth = new ClusterAuth({ clock: new SystemClock(), logger: silentLogger, transport }, { signingKey });
  api = await startTestApiServer(auth.extensions);
  const post = (resource: string, body: object) =>
    api.transport.request({ method: 'POST', path: `/api/v1/namespaces/default/${resource}`, body });
  const account = (await post('serviceaccounts', { metadata: { name: 'robot' } })).body as { metadata: { uid: string } };
  const serviceAccount = { name: 'robot', uid: account.metadata.uid };
  token = await auth.legacyTokens.issue({ namespace: 'default', serviceAccount, secret: 'kept' });
  await post('secrets', { metadata: { name: 'kept' }, data: { token: Buffer.from(token).toString('base64') } });
});

afterEach(async () => {
  await auth.stop();
  await api.close();
});

async function review(audiences?: readonly string[]): Promise<TokenReview['status']> {
  const body = { spec: { token, ...(audiences && { audiences }) } };
  const answer = await api.transport.request({ method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', body });
  return (answer.body as TokenReview).status;
}

it.each([{ audiences: undefined }, { audiences: ['vault', OWN] }])('reviews a token for $audiences', async ({ audiences }) => {
  const status = await review(audiences);

  expect(status?.user?.username).toBe('system:serviceaccount:default:robot');
  expect([status?.authenticated, status?.audiences]).toEqual([true, [OWN]]);
});

it('is good for no other audience', async () => {
  expect((await review(['vault']))?.authenticated ?? false).toBe(false);
});

it('lets who has it in, among the other credentials of a cluster', async () => {
  const authenticators = auth.extensions.authenticators ?? [];
  const request = { headers: { authorization: `Bearer ${token}` } };
  const users = await Promise.all(authenticators.map((each) => each.authenticate(request)));

  expect(users.filter((user) => user !== undefined).map(({ name }) => name)).toEqual(['system:serviceaccount:default:robot']);
});
