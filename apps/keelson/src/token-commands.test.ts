import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { createClient, kubeconfigOf, type Client } from '@keelson/client';
import { createAuthority, publicKeyPin } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createToken, deleteTokens, listTokens, type CreateTokenFlags } from './token-commands.ts';

const TOKEN = 'abcdef.0123456789abcdef';
const WHERE = { name: 'bootstrap-token-abcdef', namespace: 'kube-system' };

describe('keelson token', () => {
  let server: TestApiServer;
  let client: Client;
  let directory: string;
  let flags: CreateTokenFlags & { readonly kubeconfig: string };

  beforeEach(async () => {
    server = await startTestApiServer({ http: true, namespaces: ['default', 'kube-system', 'kube-public'] });
    client = createClient(server.transport);
    directory = await mkdtemp(join(tmpdir(), 'keelson-token-'));
    const kubeconfig = join(directory, 'config');
    await writeFile(kubeconfig, kubeconfigOf('test', { server: server.url ?? '', ca: '' }));
    flags = { kubeconfig, ttl: '24h', usages: ['signing', 'authentication'], groups: [] };
  });
  afterEach(async () => {
    await server.close();
    await rm(directory, { recursive: true });
  });

  it('makes a Secret that says what the token is for and until when', async () => {
    const groups = ['system:bootstrappers:workers'];
    await createToken(TOKEN, { ...flags, ttl: '1h30m', groups, usages: ['signing'], description: 'for the rack' });

    const secret = await client.resource(Secret).get(WHERE);
    const data = Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, text]) => [key, atob(text)]));
    const { expiration = '', ...rest } = data;

    expect(secret.type).toBe('bootstrap.kubernetes.io/token');
    expect(rest).toEqual({
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:workers',
      description: 'for the rack',
    });
    const createdMs = Date.parse(secret.metadata?.creationTimestamp ?? '');
    // Both are told in whole seconds, by the same clock, one soon after the other.
    expect(Date.parse(expiration) - createdMs).toBeGreaterThan(5_200_000);
    expect(Date.parse(expiration) - createdMs).toBeLessThan(5_401_000);
  });

  it('lists tokens, and takes them back by id or whole', async () => {
    await createToken(TOKEN, { ...flags, ttl: '0' });
    const made = await createToken(undefined, { ...flags, ttl: '25h', description: 'x' });
    const before = await listTokens(flags);

    const told = await deleteTokens([made.trim(), 'abcdef'], flags);

    expect(made).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}\n$/);
    expect(before.split('\n')[0]).toMatch(/^TOKEN +TTL +EXPIRES +USAGES +DESCRIPTION +EXTRA GROUPS$/);
    expect(before).toMatch(new RegExp(`^${TOKEN} +<forever> +<never> +authentication,signing +<none> +<none>$`, 'm'));
    expect(before).toMatch(new RegExp(`^${made.trim()} +2[45]h +\\S+Z +authentication,signing +x +<none>$`, 'm'));
    expect(told).toBe(`bootstrap token "${made.slice(0, 6)}" deleted\nbootstrap token "abcdef" deleted\n`);
    expect((await listTokens(flags)).split('\n')).toHaveLength(2);
  });

  it('prints the command by which a machine joins, with the address and the authority that the cluster tells of', async () => {
    const { certificate: ca } = await createAuthority({ commonName: 'kubernetes' });
    const kubeconfig = kubeconfigOf('', { server: 'https://10.0.0.1:6443', ca });
    await client
      .resource(ConfigMap)
      .create({ metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig } });

    const command = await createToken(TOKEN, { ...flags, printJoinCommand: true });

    expect(command).toBe(`keelson agent --server https://10.0.0.1:6443 --ca-cert-hash ${publicKeyPin(ca)} --token ${TOKEN}\n`);
  });

  it('leaves no token behind where it cannot tell how to join', async () => {
    await expect(createToken(TOKEN, { ...flags, printJoinCommand: true })).rejects.toThrow('"kube-public/cluster-info"');

    expect(await client.resource(Secret).find(WHERE)).toBeUndefined();
  });

  it.each([
    { title: 'a token of another form', run: () => createToken('abc.def', flags), why: 'not of the form' },
    {
      title: 'a time that is none',
      run: () => createToken(TOKEN, { ...flags, ttl: 'soon' }),
      why: 'time: invalid duration "soon"',
    },
    { title: 'a time in the past', run: () => createToken(TOKEN, { ...flags, ttl: '-1h' }), why: 'cannot last' },
    { title: 'the id of no token', run: () => deleteTokens(['000000'], flags), why: 'no bootstrap token with id "000000"' },
    { title: 'what is no id', run: () => deleteTokens(['ABC'], flags), why: 'neither a bootstrap token nor the id' },
  ])('refuses $title', async ({ run, why }) => {
    await expect(run()).rejects.toThrow(why);
  });

  it('keeps the token that is there', async () => {
    await createToken(TOKEN, flags);

    await expect(createToken('abcdef.ffffffffffffffff', flags)).rejects.toThrow('with id "abcdef" already');
    expect(atob((await client.resource(Secret).get(WHERE)).data?.['token-secret'] ?? '')).toBe('0123456789abcdef');
  });
});
