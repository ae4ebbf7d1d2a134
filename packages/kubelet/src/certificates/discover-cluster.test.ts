import type { ConfigMap } from '@keelson/api/core/v1';
import { KeelsonError, silentLogger as logger } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import { kubeconfigOf, type ClusterConfig, type Transport } from '@keelson/client';
import { createAuthority, publicKeyPin } from '@keelson/pki';
import { CompactSign } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { discoverCluster, type DiscoverOptions } from './discover-cluster.ts';

const TOKEN = 'abcdef.0123456789abcdef';
const ONE = 'https://one:6443';
const OTHER = 'https://other:6443';

async function signedBy(text: string, id: string, secret: string): Promise<Record<string, string>> {
  const bytes = new TextEncoder();
  const jws = await new CompactSign(bytes.encode(text)).setProtectedHeader({ alg: 'HS256', kid: id }).sign(bytes.encode(secret));
  const [header = '', , sum = ''] = jws.split('.');
  return { [`jws-kubeconfig-${id}`]: `${header}..${sum}` };
}

describe('discoverCluster', () => {
  let ca: string;
  let data: Record<string, string>;
  let clock: ManualClock;
  /** What a server answers to a call over such a connection; what is thrown is how it fails. */
  let answer: (config: ClusterConfig) => ConfigMap;
  let asked: string[];
  let unclosed: number;

  beforeAll(async () => {
    ca = (await createAuthority({ commonName: 'kubernetes' })).certificate;
  });

  beforeEach(async () => {
    clock = new ManualClock();
    const kubeconfig = kubeconfigOf('', { server: ONE, ca });
    data = { kubeconfig, ...(await signedBy(kubeconfig, 'abcdef', '0123456789abcdef')) };
    answer = () => ({ data });
    [asked, unclosed] = [[], 0];
  });

  const connect = (config: ClusterConfig): Transport => {
    unclosed += 1;
    const request: Transport['request'] = async ({ path }) => {
      asked.push(`${config.server} ${config.skipTlsVerify ? 'whoever it is' : 'verified'}`);
      expect(path).toBe('/api/v1/namespaces/kube-public/configmaps/cluster-info');
      return { status: 200, body: answer(config), warnings: [] };
    };
    const never = (): never => {
      throw new Error('nobody asks for it');
    };
    return { request, watch: never, stream: never, upgrade: never, close: async () => void (unclosed -= 1) };
  };

  /** Time passes as long as it is waited for. */
  async function discover(options: Partial<DiscoverOptions> = {}, signal = new AbortController().signal): Promise<string> {
    let isOver = false;
    const found = discoverCluster({ clock, logger, connect }, { servers: [ONE], token: TOKEN, pins: [], ...options }, signal);
    const end = () => {
      isOver = true;
    };
    found.then(end, end);
    while (!isOver) await clock.advance(1_000);
    expect(unclosed).toBe(0);
    return found;
  }

  const away = (): never => {
    throw new KeelsonError('ServiceUnavailable', 'connect ECONNREFUSED');
  };

  it('finds the authority, and reads again over a connection that it vouches for', async () => {
    expect(await discover({ pins: ['sha256:0000', publicKeyPin(ca)] })).toBe(ca);
    expect(asked).toEqual([`${ONE} whoever it is`, `${ONE} verified`]);
  });

  it('believes who knows the secret of the token, if there is no hash', async () => {
    expect(await discover()).toBe(ca);
  });

  it('asks the next server when one is away', async () => {
    answer = ({ server }) => (server === ONE ? away() : { data });

    expect(await discover({ servers: [ONE, OTHER] })).toBe(ca);
  });

  it('waits for a server to come, and for the token to be signed with', async () => {
    const turns: (() => ConfigMap)[] = [away, away, () => ({ data: { kubeconfig: data['kubeconfig'] ?? '' } })];
    answer = () => (turns.shift() ?? (() => ({ data })))();

    expect(await discover()).toBe(ca);
    expect(asked).toHaveLength(5);
  });

  it('stops waiting when it is told to', async () => {
    answer = away;
    const stop = new AbortController();
    clock.after(60_000, () => stop.abort(new Error('enough')));

    await expect(discover({}, stop.signal)).rejects.toThrow('enough');
  });

  it('says what was in the way when its time is over', async () => {
    answer = away;
    const stop = new AbortController();
    clock.after(60_000, () => stop.abort(new KeelsonError('Timeout', 'not within a minute')));

    await expect(discover({}, stop.signal)).rejects.toThrow('not within a minute: connect ECONNREFUSED');
  });

  it.each<{ title: string; options?: Partial<DiscoverOptions>; spoil?: () => Promise<void> | void; why: RegExp }>([
    { title: 'a token of another form', options: { token: 'abc' }, why: /not of the form/ },
    {
      title: 'a token that the cluster does not know',
      options: { token: '000000.0123456789abcdef' },
      why: /is not signed by token "000000": there is no such token, it has expired, or it is not for signing/,
    },
    {
      title: 'a token with another secret',
      options: { token: 'abcdef.ffffffffffffffff' },
      why: /either this is not the secret of the token, or this is not the cluster/,
    },
    {
      title: 'a cluster-info that was changed on the way',
      spoil: () => {
        data = { ...data, kubeconfig: `${data['kubeconfig']}#` };
      },
      why: /either this is not the secret/,
    },
    {
      title: 'an authority of another hash',
      options: { pins: ['sha256:0000'] },
      why: /its authority is sha256:[0-9a-f]{64}, not sha256:0000$/,
    },
    {
      title: 'a cluster without an authority',
      spoil: async () => {
        const kubeconfig = kubeconfigOf('', { server: ONE, ca: '' });
        data = { kubeconfig, ...(await signedBy(kubeconfig, 'abcdef', '0123456789abcdef')) };
      },
      why: /names no authority/,
    },
    {
      title: 'a server for which the authority does not vouch',
      spoil: () => {
        answer = ({ skipTlsVerify }) => {
          if (skipTlsVerify) return { data };
          const cause = Object.assign(new Error("IP: 10.0.0.1 is not in the cert's list"), {
            code: 'ERR_TLS_CERT_ALTNAME_INVALID',
          });
          throw new KeelsonError('ServiceUnavailable', `cannot reach the server: ${cause.message}`, { cause });
        };
      },
      why: /does not vouch for it under this address: .*not in the cert's list/,
    },
    {
      title: 'a server that says something else once it is known',
      spoil: () => {
        answer = ({ skipTlsVerify }) => ({ data: skipTlsVerify ? data : { ...data, kubeconfig: 'other' } });
      },
      why: /tells something else of itself/,
    },
    {
      title: 'a cluster that tells nobody of itself',
      spoil: () => {
        answer = () => {
          throw new KeelsonError('Forbidden', 'no');
        };
      },
      why: /does not let anybody read its cluster-info/,
    },
  ])('refuses $title', async ({ options = {}, spoil, why }) => {
    await spoil?.();

    await expect(discover(options)).rejects.toThrow(why);
  });
});
