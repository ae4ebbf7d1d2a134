import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { formatTime } from '@keelson/api';
import { eventually, ManualClock } from '@keelson/base/testing';
import { flattenedVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, turns, type World } from '../testing/world.ts';
import { bootstrapSignerController } from './bootstrap-signer.ts';
import { tokenCleanerController } from './token-cleaner.ts';

const INFO = { name: 'cluster-info', namespace: 'kube-public' };
const KUBECONFIG = 'apiVersion: v1\nkind: Config\n';

describe('controllers of bootstrap tokens', () => {
  let world: World;
  let clock: ManualClock;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await startWorld({ clock });
    await world.run(bootstrapSignerController, tokenCleanerController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  const whereIs = (id: string) => ({ name: `bootstrap-token-${id}`, namespace: 'kube-system' });
  const makeToken = (id: string, more: Record<string, string> = {}) => {
    const stringData = { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', ...more };
    return world.client.resource(Secret).create({ metadata: whereIs(id), type: 'bootstrap.kubernetes.io/token', stringData });
  };
  const inSeconds = (seconds: number): string => formatTime(clock.now() + seconds * 1_000);
  const makeInfo = () =>
    world.client.resource(ConfigMap).create({ metadata: INFO, data: { kubeconfig: KUBECONFIG, other: 'x' } });
  const signatures = async () => {
    const { data = {} } = await world.client.resource(ConfigMap).get(INFO);
    return Object.keys(data)
      .filter((key) => key.startsWith('jws-kubeconfig-'))
      .toSorted();
  };
  const whenSignedBy = (...ids: string[]) =>
    eventually(async () => String(await signatures()) === String(ids.map((id) => `jws-kubeconfig-${id}`)));
  const signatureOf = async (id: string) =>
    (await world.client.resource(ConfigMap).get(INFO)).data?.[`jws-kubeconfig-${id}`] ?? '';

  /** As a node that joins does it: with the text from elsewhere, and the token. */
  const verify = (jws: string, payload: string, secret = '0123456789abcdef') => {
    const [header = '', , signature = ''] = jws.split('.');
    const encoded = Buffer.from(payload).toString('base64url');
    return flattenedVerify({ protected: header, payload: encoded, signature }, Buffer.from(secret));
  };

  it('sign what a cluster says of itself, for each token', async () => {
    await makeToken('abcdef');
    await makeToken('000000');
    await makeInfo();
    await whenSignedBy('000000', 'abcdef');

    const jws = await signatureOf('abcdef');
    const { protectedHeader } = await verify(jws, KUBECONFIG);

    expect(protectedHeader).toEqual({ alg: 'HS256', kid: 'abcdef' });
    expect(jws.split('.')[1]).toBe('');
    await expect(verify(jws, `${KUBECONFIG}#`)).rejects.toThrow(/signature/);
    await expect(verify(jws, KUBECONFIG, 'another secret')).rejects.toThrow(/signature/);
  });

  it('sign anew what has changed, and nothing twice', async () => {
    await makeToken('abcdef');
    await makeInfo();
    await whenSignedBy('abcdef');
    await world.client.resource(ConfigMap).patch(INFO, 'merge', { data: { kubeconfig: 'changed' } });
    await eventually(async () =>
      verify(await signatureOf('abcdef'), 'changed').then(
        () => true,
        () => false,
      ),
    );
    await turns();

    expect(world.writes).toHaveLength(2);
    expect((await world.client.resource(ConfigMap).get(INFO)).data).toMatchObject({ kubeconfig: 'changed', other: 'x' });
  });

  it('take signatures back when their tokens go', async () => {
    await makeInfo();
    await makeToken('abcdef');
    await whenSignedBy('abcdef');

    await world.client.resource(Secret).delete(whereIs('abcdef'));

    await whenSignedBy();
  });

  it('sign by no token that is not for signing, or has run out', async () => {
    await makeToken('abcdef', { 'usage-bootstrap-signing': 'false' });
    await makeToken('good00');
    await makeInfo();

    await whenSignedBy('good00');
  });

  it('end a token with its signature when its time is over', async () => {
    await makeInfo();
    await makeToken('abcdef', { expiration: inSeconds(60) });
    await whenSignedBy('abcdef');
    await clock.advance(59_000);
    await turns();
    const early = await world.client.resource(Secret).find(whereIs('abcdef'));

    await clock.advance(1_000);
    await whenSignedBy();
    await eventually(async () => (await world.client.resource(Secret).find(whereIs('abcdef'))) === undefined);

    expect(early).toBeDefined();
  });

  it('keep a token that was made to last longer', async () => {
    await makeToken('abcdef', { expiration: inSeconds(60) });
    await world.client.resource(Secret).patch(whereIs('abcdef'), 'merge', { stringData: { expiration: inSeconds(600) } });
    await clock.advance(300_000);
    await turns();

    expect(await world.client.resource(Secret).find(whereIs('abcdef'))).toBeDefined();
  });

  it('delete a token whose time cannot be read', async () => {
    await makeToken('abcdef', { expiration: 'tomorrow' });

    await eventually(async () => (await world.client.resource(Secret).find(whereIs('abcdef'))) === undefined);
  });
});
