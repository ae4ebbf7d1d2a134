import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '@keelson/api/rbac/v1';
import { KeelsonError } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import type { ApiCall, Transport } from '@keelson/client';
import { createSigningKey, namesHosts } from '@keelson/pki';
import { EMPTY } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuthenticatorChain, bearerToken, ClientCertificateAuthenticator, StaticTokenAuthenticator } from './authenticators.ts';
import type { AuthorizationAttributes } from './contracts.ts';
import { ensureCredentials } from './credentials.ts';
import { RbacAuthorizer } from './rbac.ts';
import { RoleIndex } from './role-index.ts';
import { reviews } from './reviews.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';

/** An API that holds objects by path. */
function transportOf(objects: Readonly<Record<string, unknown>>): Transport {
  return {
    request: async ({ path }: ApiCall) => {
      if (!Object.hasOwn(objects, path)) throw new KeelsonError('NotFound', `no ${path}`);
      return { status: 200, body: objects[path], warnings: [] };
    },
    watch: () => EMPTY,
    stream: () => Promise.reject(new Error('not here')),
    upgrade: () => Promise.reject(new Error('not here')),
    close: async () => undefined,
  };
}

describe('authenticators', () => {
  const chain = new AuthenticatorChain([
    new ClientCertificateAuthenticator(),
    new StaticTokenAuthenticator(new Map([['secret', { name: 'robot', groups: ['bots'] }]])),
  ]);
  const subject = { CN: 'alice', O: ['dev', 'ops'] as unknown as string, C: '', ST: '', L: '', OU: '' };

  it('reads user and groups off a client certificate', async () => {
    const user = await chain.authenticate({ headers: {}, peerCertificate: { subject, fingerprint256: '' } });

    expect(user).toEqual({ name: 'alice', groups: ['dev', 'ops', 'system:authenticated'] });
  });

  it('knows static tokens, refuses unknown ones, and takes no credentials for anonymous', async () => {
    expect(await chain.authenticate({ headers: { authorization: 'Bearer secret' } })).toMatchObject({ name: 'robot' });
    await expect(chain.authenticate({ headers: { authorization: 'Bearer wrong' } })).rejects.toMatchObject({
      reason: 'Unauthorized',
      code: 401,
    });
    await expect(chain.authenticate({ headers: {}, hasUntrustedCertificate: true })).rejects.toMatchObject({ code: 401 });
    expect(await chain.authenticate({ headers: {} })).toEqual({ name: 'system:anonymous', groups: ['system:unauthenticated'] });
  });

  it('finds the token of a browser in its WebSocket protocols', () => {
    const encoded = Buffer.from('a.b.c').toString('base64url');
    const header = `v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.${encoded}`;

    expect(bearerToken({ headers: { 'sec-websocket-protocol': header } })).toBe('a.b.c');
  });
});

describe('ServiceAccountTokens', () => {
  const account = { namespace: 'default', name: 'builder', uid: 'u1' };
  const objects: Record<string, unknown> = {};
  const clock = new ManualClock();
  let tokens: ServiceAccountTokens;

  beforeEach(async () => {
    objects['/api/v1/namespaces/default/serviceaccounts/builder'] = { metadata: { uid: 'u1' } };
    objects['/api/v1/namespaces/default/pods/p'] = { metadata: { uid: 'p1' } };
    const { privateKey } = await createSigningKey();
    tokens = new ServiceAccountTokens(
      { clock, transport: () => transportOf(objects) },
      { issuer: 'https://kubernetes.default.svc.cluster.local', privateKey },
    );
  });

  const issue = (more = {}) => tokens.issue({ serviceAccount: account, audiences: [], expirationSeconds: 600, ...more });
  const authenticate = (token: string) => tokens.authenticate({ headers: { authorization: `Bearer ${token}` } });

  it('knows its own tokens again', async () => {
    const { token, audiences } = await issue();

    expect(audiences).toEqual(['https://kubernetes.default.svc.cluster.local']);
    expect(await authenticate(token)).toMatchObject({
      name: 'system:serviceaccount:default:builder',
      uid: 'u1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
    });
    expect(await authenticate('x.y.z')).toBeUndefined();
  });

  it('refuses a token that has run out, is for others, or was changed', async () => {
    const { token } = await issue();
    const { token: foreign } = await issue({ audiences: ['vault'] });
    const [head, body, signature] = token.split('.');

    await expect(authenticate(foreign)).rejects.toMatchObject({ reason: 'Unauthorized' });
    await expect(authenticate(`${head}.${body}x.${signature}`)).rejects.toMatchObject({ reason: 'Unauthorized' });
    await clock.advance(601_000);
    await expect(authenticate(token)).rejects.toMatchObject({ reason: 'Unauthorized' });
  });

  it('ends with the pod or the account that it is bound to', async () => {
    const { token } = await issue({ boundTo: { kind: 'Pod', name: 'p', uid: 'p1' } });
    expect(await authenticate(token)).toMatchObject({ extra: { 'authentication.kubernetes.io/pod-name': ['p'] } });

    objects['/api/v1/namespaces/default/pods/p'] = { metadata: { uid: 'p2' } };
    await clock.advance(11_000);

    await expect(authenticate(token)).rejects.toMatchObject({ reason: 'Unauthorized' });
  });

  it('remembers a token no longer than it lasts, and not for whom it is not', async () => {
    const { token } = await issue({ expirationSeconds: 5 });
    const { token: foreign } = await issue({ audiences: ['vault'] });
    await authenticate(token);
    await tokens.review(foreign, ['vault']);

    await expect(authenticate(foreign)).rejects.toMatchObject({ reason: 'Unauthorized' });
    expect(await authenticate(token)).toBeDefined();
    await clock.advance(6_000);
    await expect(authenticate(token)).rejects.toMatchObject({ reason: 'Unauthorized' });
  });

  it('publishes its key and answers token reviews', async () => {
    const { token } = await issue({ audiences: ['vault'] });
    const { tokenreviews } = reviews({
      authorizer: { authorize: async () => ({ allowed: true }) },
      reviewToken: (text, wanted) => tokens.review(text, wanted),
    });
    const caller = { user: { name: 'x', groups: [] }, namespace: undefined };

    expect(await tokens.jwks()).toMatchObject({ keys: [{ kty: 'EC', alg: 'ES256', use: 'sig' }] });
    expect(await tokenreviews?.({ spec: { token, audiences: ['vault'] } }, caller)).toMatchObject({
      status: { authenticated: true, audiences: ['vault'] },
    });
    expect(await tokenreviews?.({ spec: { token } }, caller)).toMatchObject({ status: { authenticated: false } });
  });
});

describe('RbacAuthorizer', () => {
  const clusterRoles: Record<string, ClusterRole> = {
    reader: {
      metadata: { name: 'reader' },
      rules: [{ apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list'] }],
    },
    scaler: { metadata: { name: 'scaler' }, rules: [{ apiGroups: ['*'], resources: ['*/scale'], verbs: ['*'] }] },
    health: { metadata: { name: 'health' }, rules: [{ nonResourceURLs: ['/healthz', '/api/*'], verbs: ['get'] }] },
  };
  const role: Role = {
    metadata: { name: 'one', namespace: 'dev' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'], verbs: ['get'] }],
  };
  const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
  const clusterBindings: ClusterRoleBinding[] = [
    { metadata: {}, roleRef: roleRef('ClusterRole', 'health'), subjects: [{ kind: 'Group', name: 'system:authenticated' }] },
    {
      metadata: {},
      roleRef: roleRef('ClusterRole', 'scaler'),
      subjects: [{ kind: 'ServiceAccount', name: 'hpa', namespace: 'kube-system' }],
    },
  ];
  const bindings: RoleBinding[] = [
    { metadata: { namespace: 'dev' }, roleRef: roleRef('ClusterRole', 'reader'), subjects: [{ kind: 'User', name: 'alice' }] },
    { metadata: { namespace: 'dev' }, roleRef: roleRef('Role', 'one'), subjects: [{ kind: 'User', name: 'alice' }] },
  ];
  const source = new RoleIndex();
  for (const each of [...Object.values(clusterRoles), role]) source.putRole(each);
  for (const each of [...clusterBindings, ...bindings]) source.putBinding(each);
  const authorizer = new RbacAuthorizer(source);
  const alice = { name: 'alice', groups: ['system:authenticated'] };
  const on = (
    resource: string,
    namespace: string | undefined,
    more: object = {},
  ): NonNullable<AuthorizationAttributes['resource']> => ({
    group: '',
    version: 'v1',
    resource,
    namespace,
    ...more,
  });

  it.each([
    ['a role of the namespace', { user: alice, verb: 'get', resource: on('pods', 'dev') }, true],
    ['another namespace', { user: alice, verb: 'get', resource: on('pods', 'prod') }, false],
    ['all namespaces', { user: alice, verb: 'list', resource: on('pods', undefined) }, false],
    ['another verb', { user: alice, verb: 'delete', resource: on('pods', 'dev') }, false],
    ['a subresource', { user: alice, verb: 'get', resource: on('pods', 'dev', { subresource: 'log' }) }, true],
    ['another subresource', { user: alice, verb: 'get', resource: on('pods', 'dev', { subresource: 'exec' }) }, false],
    ['a named object', { user: alice, verb: 'get', resource: on('configmaps', 'dev', { name: 'mine' }) }, true],
    ['another object', { user: alice, verb: 'get', resource: on('configmaps', 'dev', { name: 'yours' }) }, false],
    ['a path', { user: alice, verb: 'get', path: '/api/v1' }, true],
    ['another path', { user: alice, verb: 'get', path: '/metrics' }, false],
    [
      'a service account',
      {
        user: { name: 'system:serviceaccount:kube-system:hpa', groups: [] },
        verb: 'update',
        resource: on('deployments', 'dev', { group: 'apps', subresource: 'scale' }),
      },
      true,
    ],
    [
      'system:masters',
      { user: { name: 'root', groups: ['system:masters'] }, verb: 'delete', resource: on('nodes', undefined) },
      true,
    ],
  ] as const)('%s', async (_title, attributes, allowed) => {
    expect(await authorizer.authorize(attributes)).toEqual({ allowed });
  });

  it('answers access reviews', async () => {
    const answers = reviews({
      authorizer,
      rulesOf: (user, namespace) => authorizer.rulesOf(user, namespace),
      reviewToken: () => Promise.reject(new Error('no')),
    });
    const ask = (resourceAttributes: object) =>
      answers['selfsubjectaccessreviews']?.({ spec: { resourceAttributes } }, { user: alice, namespace: undefined });

    expect(await ask({ verb: 'get', resource: 'pods', namespace: 'dev' })).toMatchObject({ status: { allowed: true } });
    expect(await ask({ verb: 'get', resource: 'pods', namespace: 'prod' })).toMatchObject({ status: { allowed: false } });
    expect(
      await answers['selfsubjectrulesreviews']?.({ spec: { namespace: 'dev' } }, { user: alice, namespace: undefined }),
    ).toMatchObject({
      status: {
        resourceRules: [{ resources: ['pods', 'pods/log'] }, { resourceNames: ['mine'] }],
        nonResourceRules: [{ nonResourceURLs: ['/healthz', '/api/*'] }],
      },
    });
  });

  it('says of kubelets that rules do not tell all that they may do', async () => {
    const { selfsubjectrulesreviews } = reviews({ authorizer, reviewToken: () => Promise.reject(new Error('no')) });
    const user = { name: 'system:node:n1', groups: ['system:nodes'] };

    expect(await selfsubjectrulesreviews?.({ spec: { namespace: 'dev' } }, { user, namespace: undefined })).toMatchObject({
      status: { incomplete: true, evaluationError: 'node authorizer does not support user rule resolution' },
    });
  });
});

describe('reviews that ask nothing', () => {
  const answers = reviews({
    authorizer: { authorize: async () => ({ allowed: true }) },
    reviewToken: () => Promise.reject(new Error()),
  });
  const resourceAttributes = { verb: 'get', resource: 'pods', namespace: 'dev' };

  it.each([
    ['selfsubjectaccessreviews', {}, /exactly one of nonResourceAttributes or resourceAttributes must be specified/],
    [
      'selfsubjectaccessreviews',
      { spec: { resourceAttributes, nonResourceAttributes: {} } },
      /cannot be specified in combination with resourceAttributes/,
    ],
    ['subjectaccessreviews', { spec: { resourceAttributes } }, /spec.user: .* at least one of user or group must be specified/],
    ['localsubjectaccessreviews', { spec: { resourceAttributes, user: 'a' } }, /namespace must match namespace: prod/],
    ['localsubjectaccessreviews', { spec: { nonResourceAttributes: {}, user: 'a' } }, /disallowed on this kind of request/],
    ['selfsubjectrulesreviews', {}, /no namespace on request/],
    ['tokenreviews', { spec: {} }, /token is required/],
  ])('are refused: %s of %j', async (kind, review, message) => {
    await expect(answers[kind]?.(review, { user: { name: 'u', groups: [] }, namespace: 'prod' })).rejects.toThrow(message);
  });
});

describe('ensureCredentials', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keelson-credentials-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('makes them once and keeps them', async () => {
    const options = { directory, hosts: ['127.0.0.1'], now: Date.now };
    const first = await ensureCredentials(options);
    const second = await ensureCredentials(options);

    expect(second.serving).toEqual(first.serving);
    expect(second.signingKey).toBe(first.signingKey);
    expect(second.authority.certificate).toBe(first.authority.certificate);
    expect((await stat(join(directory, 'ca.key'))).mode & 0o777).toBe(0o600);
  });

  it('renews the serving certificate for a new address, and what runs out, under the same authority', async () => {
    const first = await ensureCredentials({ directory, hosts: ['127.0.0.1'], now: Date.now });
    const moved = await ensureCredentials({ directory, hosts: ['127.0.0.1', '10.0.0.1'], now: Date.now });
    const later = await ensureCredentials({ directory, hosts: ['127.0.0.1'], now: () => Date.now() + 350 * 86_400_000 });

    expect(namesHosts(moved.serving.certificate, ['10.0.0.1', 'kubernetes.default.svc'])).toBe(true);
    expect(later.admin.certificate).not.toBe(first.admin.certificate);
    expect(await readFile(join(directory, 'ca.crt'), 'utf8')).toBe(first.authority.certificate);
  });

  it('says so if it cannot write there', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');

    await expect(ensureCredentials({ directory: file, hosts: [], now: Date.now })).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
    });
  });
});
