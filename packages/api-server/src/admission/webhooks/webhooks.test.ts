import { describe, expect, it } from 'vitest';
import { ApiProbe, type Loose } from '../../test-support/api-probe.ts';
import { patching, WebhookServer, type Handler } from '../../test-support/webhook-server.ts';
import { startTestApiServer } from '../../testing.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/default/configmaps';
const RULES = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['configmaps', 'configmaps/status'] }];

const map = (name: string, data: Record<string, string> = {}) => ({ metadata: { name }, data });

async function setUp(handle: Handler = () => ({ allowed: true })) {
  const hook = await WebhookServer.start(handle);
  const server = await startTestApiServer();
  const api = new ApiProbe(server.transport);
  const configure = (kind: 'mutating' | 'validating', ...webhooks: Loose[]) =>
    api.create(`${GROUP}/${kind}webhookconfigurations`, {
      metadata: { name: kind },
      webhooks: webhooks.map((webhook, index) => ({
        name: `hook-${index}.example.com`,
        clientConfig: { url: hook.url, caBundle: hook.caBundle },
        rules: RULES,
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        ...webhook,
      })),
    });
  const dispose = async (): Promise<void> => {
    await server.close();
    await hook[Symbol.asyncDispose]();
  };
  return { hook, api, configure, server, [Symbol.asyncDispose]: dispose };
}

describe('a validating webhook', () => {
  it('is asked with the request, and lets it pass', async () => {
    await using world = await setUp();
    const { api, hook } = world;
    await world.configure('validating', {});

    await api.create(MAPS, map('x', { a: '1' }));
    await api.merge(`${MAPS}/x`, { data: { a: '2' } });
    await api.remove(`${MAPS}/x`);

    const [created, updated, removed] = hook.requests;
    expect(created).toMatchObject({
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { kind: 'ConfigMap' },
      name: 'x',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'test-admin', groups: ['system:masters', 'system:authenticated'] },
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: '1' } },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    });
    expect(updated).toMatchObject({ operation: 'UPDATE', object: { data: { a: '2' } }, oldObject: { data: { a: '1' } } });
    expect(removed).toMatchObject({ operation: 'DELETE', object: null, oldObject: { data: { a: '2' } } });
    expect(hook.connections).toBe(1);
  });

  it.each([
    [
      'a message and a code',
      { code: 418, message: 'no tea' },
      418,
      'admission webhook "hook-0.example.com" denied the request: no tea',
    ],
    ['a reason', { reason: 'BecauseISaySo' }, 400, 'admission webhook "hook-0.example.com" denied the request: BecauseISaySo'],
    ['nothing', undefined, 400, 'admission webhook "hook-0.example.com" denied the request without explanation'],
  ])('refuses with %s', async (_title, status, code, message) => {
    await using world = await setUp(() => ({ allowed: false, ...(status && { status }) }));
    await world.configure('validating', {});

    await expect(world.api.create(MAPS, map('x'))).rejects.toMatchObject({ code, message });
    const metrics = String(await world.api.get('/metrics'));
    expect(metrics).toContain(
      `apiserver_admission_webhook_rejection_count{error_type="no_error",name="hook-0.example.com",operation="CREATE",type="validating",rejection_code="${code}"} 1`,
    );
  });

  it('is asked about an eviction, in its own kind, and not about the deletion that comes of it', async () => {
    await using world = await setUp();
    const { api, hook } = world;
    const pods = '/api/v1/namespaces/default/pods';
    const resources = ['pods', 'pods/eviction'];
    const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'DELETE'], resources }];
    await api.create(pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i' }] } });
    await world.configure('validating', { rules });

    await api.create(`${pods}/p/eviction`, { metadata: { name: 'p' } });

    expect(hook.requests).toMatchObject([
      {
        kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
        resource: { group: '', version: 'v1', resource: 'pods' },
        subResource: 'eviction',
        name: 'p',
        operation: 'CREATE',
        object: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'p' } },
      },
    ]);
  });

  it('warns the client', async () => {
    await using world = await setUp(() => ({ allowed: true, warnings: ['old style'] }));
    await world.configure('validating', {});

    expect((await world.api.call('POST', MAPS, { body: map('x') })).warnings).toEqual(['old style']);
  });

  it('is asked only about what its selectors and conditions pick', async () => {
    await using world = await setUp(() => ({ allowed: false }));
    await world.configure(
      'validating',
      { objectSelector: { matchLabels: { strict: 'yes' } } },
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } },
      { matchConditions: [{ name: 'big', expression: 'has(object.data) && size(object.data) > 1' }] },
    );
    const { api, hook } = world;

    await api.create(MAPS, map('x'));
    expect(hook.requests).toEqual([]);
    await expect(api.create(MAPS, { metadata: { name: 'y', labels: { strict: 'yes' } } })).rejects.toThrow('hook-0');
    await expect(api.create(MAPS, map('z', { a: '1', b: '2' }))).rejects.toThrow('hook-2');
  });

  it('that fails refuses, unless it may be ignored', async () => {
    await using world = await setUp();
    const { api } = world;
    const { hook } = world;
    const dead = { url: 'https://127.0.0.1:9/hook' };
    await world.configure('validating', { clientConfig: { ...dead, caBundle: hook.caBundle }, failurePolicy: 'Ignore' });

    await api.create(MAPS, map('x'));
    await api.merge(`${GROUP}/validatingwebhookconfigurations/validating`, {
      webhooks: [
        {
          name: 'hook-0.example.com',
          clientConfig: { ...dead, caBundle: hook.caBundle },
          rules: RULES,
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    });
    await expect(api.create(MAPS, map('y'))).rejects.toMatchObject({
      code: 500,
      message:
        'Internal error occurred: failed calling webhook "hook-0.example.com": failed to call webhook: Post "https://127.0.0.1:9/hook?timeout=10s": dial tcp 127.0.0.1:9: connect: connection refused',
    });
  });

  it('is only trusted with the certificate that its configuration names', async () => {
    await using world = await setUp();
    await world.configure('validating', { clientConfig: { url: world.hook.url } });

    await expect(world.api.create(MAPS, map('x'))).rejects.toThrow(
      'tls: failed to verify certificate: x509: certificate signed by unknown authority',
    );
  });

  it('must answer the question that it was asked, in time', async () => {
    await using world = await setUp((_request, path) => {
      if (path.startsWith('/slow')) return new Promise(() => undefined);
      return { uid: 'other', allowed: true };
    });
    const { hook } = world;
    await world.configure('validating', {});
    await world.configure('mutating', {
      clientConfig: { url: hook.url.replace('/hook', '/slow'), caBundle: hook.caBundle },
      timeoutSeconds: 1,
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['secrets'] }],
    });

    await expect(world.api.create(MAPS, map('x'))).rejects.toThrow('expected response.uid=');
    await expect(world.api.create('/api/v1/namespaces/default/secrets', { metadata: { name: 'x' } })).rejects.toThrow(
      `Post "${hook.url.replace('/hook', '/slow')}?timeout=1s": context deadline exceeded`,
    );
  });

  it('is found through its service', async () => {
    await using world = await setUp((_request, path) => ({ allowed: !path.startsWith('/judge?timeout=10s') }));
    const { api, hook } = world;
    const service = { namespace: 'default', name: 'hook', path: '/judge', port: hook.port };
    await world.configure('validating', { clientConfig: { service, caBundle: hook.caBundle } });
    const where = `Post "https://hook.default.svc:${hook.port}/judge?timeout=10s"`;

    await expect(api.create(MAPS, map('x'))).rejects.toThrow(`${where}: service "hook" not found`);
    const spec = { ports: [{ port: hook.port }] };
    const made = await api.create('/api/v1/namespaces/default/services', { metadata: { name: 'hook' }, spec });
    await expect(api.create(MAPS, map('x'))).rejects.toThrow(`${where}: no endpoints available for service "hook"`);
    await api.remove(`/api/v1/namespaces/default/services/${made.metadata.name}`);
    const outside = { type: 'ExternalName', externalName: 'localhost', ...spec };
    await api.create('/api/v1/namespaces/default/services', { metadata: { name: 'hook' }, spec: outside });
    await expect(api.create(MAPS, map('x'))).rejects.toThrow('denied the request without explanation');
  });

  it('without side effects is asked about dry runs, others are not', async () => {
    await using world = await setUp();
    const { api, hook } = world;
    await world.configure('validating', {});

    await api.create(MAPS, map('x'), { dryRun: 'All' });
    expect(hook.requests).toMatchObject([{ dryRun: true }]);
  });

  it('never judges the configurations of webhooks', async () => {
    await using world = await setUp(() => ({ allowed: false }));
    await world.configure('validating', {
      rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }],
    });

    await expect(world.api.create(MAPS, map('x'))).rejects.toThrow('denied');
    await world.api.remove(`${GROUP}/validatingwebhookconfigurations/validating`);
    await world.api.create(MAPS, map('x'));
  });
});

describe('mutating webhooks', () => {
  it('change objects, one after the other', async () => {
    await using world = await setUp((request, path) =>
      path.startsWith('/second')
        ? patching({ op: 'add', path: '/data/second', value: `after ${request.object.data.first}` })
        : patching({ op: 'add', path: '/data/first', value: 'one' }),
    );
    const { hook } = world;
    await world.configure(
      'mutating',
      {},
      { clientConfig: { url: hook.url.replace('/hook', '/second'), caBundle: hook.caBundle } },
    );

    expect(await world.api.create(MAPS, map('x', { a: '1' }))).toMatchObject({
      data: { a: '1', first: 'one', second: 'after one' },
    });
  });

  it('give objects that are checked like those of clients', async () => {
    await using world = await setUp(() =>
      patching({ op: 'add', path: '/data/in valid', value: 'x' }, { op: 'add', path: '/unknown', value: 1 }),
    );
    await world.configure('mutating', {});

    await expect(world.api.create(MAPS, map('x', { a: '1' }))).rejects.toThrow('data[in valid]: Invalid value');
  });

  it('see again what others have changed after them, if they want to', async () => {
    await using world = await setUp((_request, path) =>
      path.startsWith('/late') ? patching({ op: 'add', path: '/data/late', value: 'yes' }) : { allowed: true },
    );
    const { hook } = world;
    const late = { clientConfig: { url: hook.url.replace('/hook', '/late'), caBundle: hook.caBundle } };
    await world.configure('mutating', { reinvocationPolicy: 'IfNeeded' }, { reinvocationPolicy: 'Never' }, late);

    await world.api.create(MAPS, map('x', { a: '1' }));

    expect(hook.requests.map(({ object }) => object.data)).toEqual([{ a: '1' }, { a: '1' }, { a: '1' }, { a: '1', late: 'yes' }]);
  });

  it('that give no patch that can be applied are an error', async () => {
    await using world = await setUp(() => patching({ op: 'remove', path: '/data/missing' }));
    await world.configure('mutating', {});

    await expect(world.api.create(MAPS, map('x', { a: '1' }))).rejects.toMatchObject({
      code: 500,
      message: expect.stringContaining('failed to apply the patch'),
    });
  });
});
