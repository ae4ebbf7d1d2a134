import { LegacyTokens } from '@keelson/api-server';
import { Secret, ServiceAccount } from '@keelson/api/core/v1';
import { eventually, ManualClock } from '@keelson/base/testing';
import { createSigningKey } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { serviceAccountTokenController } from './service-account-token-controller.ts';

const WHERE = { name: 'robot-token', namespace: 'default' };
const ACCOUNT = { name: 'robot', namespace: 'default' };

describe('serviceaccount-token-controller', () => {
  let world: World;
  let clock: ManualClock;
  let tokens: LegacyTokens;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock });
    const { privateKey } = await createSigningKey();
    tokens = new LegacyTokens({ clock, transport: () => world.api.transport }, { privateKey });
    await world.run(serviceAccountTokenController({ rootCa: 'PEM', legacyTokens: tokens }));
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const find = () => world.client.resource(Secret).find(WHERE);
  const makeAccount = () => world.client.resource(ServiceAccount).create({ metadata: ACCOUNT });
  const makeSecret = (more: Partial<Secret> = {}, name = 'robot') =>
    world.client.resource(Secret).create({
      metadata: { ...WHERE, annotations: { 'kubernetes.io/service-account.name': name } },
      type: 'kubernetes.io/service-account-token',
      ...more,
    });
  const decoded = (secret: Secret | undefined, key: string): string =>
    Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
  const tokenOf = () => eventually(async () => decoded(await find(), 'token') || undefined);
  const whoIs = (token: string) => tokens.authenticate({ headers: { authorization: `Bearer ${token}` } });

  it('fills a Secret with what a pod needs, and the token is its account', async () => {
    const account = await makeAccount();
    await makeSecret({ data: { mine: 'eA==' } });

    const token = await tokenOf();

    const secret = await find();
    expect([decoded(secret, 'ca.crt'), decoded(secret, 'namespace'), decoded(secret, 'mine')]).toEqual(['PEM', 'default', 'x']);
    expect(secret?.metadata?.annotations?.['kubernetes.io/service-account.uid']).toBe(account.metadata?.uid);
    expect(await whoIs(token)).toEqual({
      name: 'system:serviceaccount:default:robot',
      uid: account.metadata?.uid,
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    });
  });

  it('writes each Secret once', async () => {
    await makeAccount();
    await makeSecret();
    await tokenOf();
    await turns();

    expect(world.writes).toHaveLength(1);
  });

  it('renews the certificates and what was taken out, and keeps the token', async () => {
    await makeAccount();
    await makeSecret();
    const token = await tokenOf();
    await world.client.resource(Secret).patch(WHERE, 'merge', { data: { 'ca.crt': 'b2xk', namespace: null } });

    await eventually(async () => decoded(await find(), 'ca.crt') === 'PEM');

    expect([decoded(await find(), 'namespace'), decoded(await find(), 'token')]).toEqual(['default', token]);
  });

  it('deletes Secrets whose account was never there, goes, or is another one of its name', async () => {
    await makeSecret();
    await eventually(async () => (await find()) === undefined);
    await makeAccount();
    await makeSecret();
    await tokenOf();
    await world.client.resource(ServiceAccount).delete(ACCOUNT);
    await eventually(async () => (await find()) === undefined);
    await makeAccount();
    const annotations = { 'kubernetes.io/service-account.name': 'robot', 'kubernetes.io/service-account.uid': 'another' };
    await makeSecret({ metadata: { ...WHERE, annotations } });

    await eventually(async () => (await find()) === undefined);
  });

  it('does not delete one whose account its cache does not show yet', async () => {
    world.lag = ({ path }) => (path.endsWith('/serviceaccounts') ? 300 : 0);
    await makeAccount();
    await makeSecret();

    await tokenOf();

    expect(world.writes.filter((write) => write.startsWith('DELETE'))).toEqual([]);
  });

  it('leaves other Secrets alone', async () => {
    await makeSecret({ type: 'Opaque' });
    await turns();

    expect(world.writes).toEqual([]);
  });

  it.each([
    { title: 'Secret goes', end: () => world.client.resource(Secret).delete(WHERE) },
    {
      title: 'Secret holds another one',
      end: () => world.client.resource(Secret).patch(WHERE, 'merge', { data: { token: 'eA==' } }),
    },
    { title: 'account goes', end: () => world.client.resource(ServiceAccount).delete(ACCOUNT) },
  ])('makes tokens that end when their $title', async ({ end }) => {
    await makeAccount();
    await makeSecret();
    const token = await tokenOf();
    await whoIs(token);
    await end();

    await clock.advance(10_001);

    await expect(whoIs(token)).rejects.toMatchObject({ reason: 'Unauthorized' });
  });

  it('knows no tokens that another key has signed', async () => {
    await makeAccount();
    await makeSecret();
    const [head, body] = (await tokenOf()).split('.');
    const { privateKey } = await createSigningKey();
    const other = new LegacyTokens({ clock, transport: () => world.api.transport }, { privateKey });
    const subject = { namespace: 'default', serviceAccount: { name: 'robot', uid: 'u' }, secret: 'robot-token' };
    const [, , signature] = (await other.issue(subject)).split('.');

    await expect(whoIs(`${head}.${body}.${signature}`)).rejects.toMatchObject({ reason: 'Unauthorized' });
    expect(await whoIs('no token')).toBeUndefined();
  });
});
