import type { ValidatingAdmissionPolicy } from '@keelson/api/admissionregistration/v1';
import { describe, expect, it } from 'vitest';
import type { Authorizer } from '../../auth/contracts.ts';
import { ApiProbe } from '../../test-support/api-probe.ts';
import { startTestApiServer } from '../../testing.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/default/configmaps';
const POLICY = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request";

type Spec = NonNullable<ValidatingAdmissionPolicy['spec']>;

async function setUp(spec: Partial<Spec>, binding: object = {}, authorizer?: Authorizer) {
  const server = await startTestApiServer(authorizer ? { authorizer } : {});
  const api = new ApiProbe(server.transport);
  await api.create(`${GROUP}/validatingadmissionpolicies`, {
    metadata: { name: 'p' },
    spec: {
      matchConstraints: {
        resourceRules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['configmaps'] },
        ],
      },
      ...spec,
    },
  });
  await api.create(`${GROUP}/validatingadmissionpolicybindings`, {
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Deny'], ...binding },
  });
  return { api, server, [Symbol.asyncDispose]: () => server.close() };
}

const map = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  metadata: { name, labels },
  data,
});

describe('a policy that is bound', () => {
  it('refuses what one of its validations is false for, in the words of upstream', async () => {
    await using world = await setUp({ validations: [{ expression: 'size(object.data) < 2' }] });
    const { api } = world;

    await api.create(MAPS, map('good', { a: '1' }));
    await expect(api.create(MAPS, map('bad', { a: '1', b: '2' }))).rejects.toMatchObject({
      reason: 'Invalid',
      code: 422,
      message: `configmaps "bad" is forbidden: ${POLICY}: failed expression: size(object.data) < 2`,
      details: { name: 'bad', kind: 'configmaps', causes: [{ message: `${POLICY}: failed expression: size(object.data) < 2` }] },
    });
  });

  it('says why in its own words, and with its reason', async () => {
    await using world = await setUp({
      variables: [{ name: 'count', expression: 'size(object.data)' }],
      validations: [
        {
          expression: 'variables.count < 2',
          messageExpression: "'at most one, not ' + string(variables.count)",
          reason: 'Forbidden',
        },
      ],
    });

    await expect(world.api.create(MAPS, map('bad', { a: '1', b: '2' }))).rejects.toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: expect.stringContaining('at most one, not 2'),
    });
  });

  it('compares with what was before, knows the request and the namespace', async () => {
    await using world = await setUp({
      validations: [
        {
          expression:
            "request.operation != 'UPDATE' || object.data.a >= oldObject.data.a && request.userInfo.username == 'test-admin' && namespaceObject.metadata.name == 'default'",
          message: 'only up',
        },
        {
          expression: "request.operation != 'DELETE' || oldObject.metadata.name != 'kept' && object == null",
          message: 'is kept',
        },
      ],
    });
    const { api } = world;
    await api.create(MAPS, map('kept', { a: '5' }));

    await api.merge(`${MAPS}/kept`, { data: { a: '6' } });
    await expect(api.merge(`${MAPS}/kept`, { data: { a: '1' } })).rejects.toThrow('only up');
    await expect(api.remove(`${MAPS}/kept`)).rejects.toThrow('is kept');
  });

  it('is not asked about what its conditions leave out', async () => {
    await using world = await setUp({
      matchConditions: [{ name: 'labelled', expression: "has(object.metadata.labels) && 'strict' in object.metadata.labels" }],
      validations: [{ expression: 'false', message: 'no' }],
    });

    await world.api.create(MAPS, map('free'));
    await expect(world.api.create(MAPS, map('strict', {}, { strict: 'yes' }))).rejects.toThrow('no');
  });

  it('takes failures for refusals, unless it ignores them', async () => {
    const validations = [{ expression: "object.data.missing == 'x'" }];
    await using strict = await setUp({ validations });
    await using lenient = await setUp({ validations, failurePolicy: 'Ignore' });

    await expect(strict.api.create(MAPS, map('x', { a: '1' }))).rejects.toThrow(
      `${POLICY}: expression 'object.data.missing == 'x'' resulted in error: no such key: missing`,
    );
    await lenient.api.create(MAPS, map('x', { a: '1' }));
  });

  it('only warns, and counts, if the binding says so', async () => {
    await using world = await setUp(
      { validations: [{ expression: 'false', message: 'bad style' }] },
      { validationActions: ['Warn', 'Audit'] },
    );

    const { warnings } = await world.api.call('POST', MAPS, { body: map('x') });

    expect(warnings).toEqual(["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': bad style"]);
    const metrics = await world.api.get('/metrics');
    expect(String(metrics)).toContain(
      'apiserver_validating_admission_policy_check_total{enforcement_action="warn",error_type="no_error",policy="p",policy_binding="b"} 1',
    );
  });

  it('gets parameters by name, and may insist on them', async () => {
    const spec: Partial<Spec> = {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConditions: [{ name: 'other', expression: "object.metadata.name != 'limits'" }],
      validations: [
        { expression: 'size(object.data) <= int(params.data.max)', messageExpression: "'at most ' + params.data.max" },
      ],
    };
    await using world = await setUp(spec, {
      paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' },
    });
    const { api } = world;

    await expect(api.create(MAPS, map('x', { a: '1' }))).rejects.toThrow(
      'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction',
    );
    await expect(api.create(MAPS, map('limits', { max: '1' }))).rejects.toThrow('no params found');
  });

  it('is applied once for each parameter that a selector finds', async () => {
    const spec: Partial<Spec> = {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [
        { expression: 'size(object.data) <= int(params.data.max)', messageExpression: "'at most ' + params.data.max" },
      ],
      matchConditions: [{ name: 'no-limits', expression: '!has(object.data.max)' }],
    };
    await using world = await setUp(spec, {
      paramRef: { selector: { matchLabels: { limit: 'yes' } }, parameterNotFoundAction: 'Allow' },
    });
    const { api } = world;
    await api.create(MAPS, map('free', { a: '1', b: '2', c: '3' }));
    await api.create(MAPS, map('loose', { max: '2' }, { limit: 'yes' }));
    await api.create(MAPS, map('tight', { max: '1' }, { limit: 'yes' }));

    await expect(api.create(MAPS, map('x', { a: '1', b: '2' }))).rejects.toThrow('at most 1');
    await api.create(MAPS, map('y', { a: '1' }));
  });

  it('asks the authorizer, and waits for it', async () => {
    const asked: string[] = [];
    const authorizer: Authorizer = {
      async authorize({ verb, resource }) {
        if (verb !== 'breakglass') return { allowed: true };
        asked.push(`${resource?.resource} ${resource?.namespace} ${resource?.name}`);
        return { allowed: resource?.name === 'free' };
      },
    };
    await using world = await setUp(
      { validations: [{ expression: "authorizer.requestResource.check('breakglass').allowed()", message: 'not you' }] },
      {},
      authorizer,
    );

    await world.api.create(MAPS, map('free'));
    await expect(world.api.create(MAPS, map('x'))).rejects.toThrow('not you');
    expect(asked).toEqual(['configmaps default free', 'configmaps default x']);
  });

  it('is stopped when it costs too much', async () => {
    const many = 'object.data.all(a, object.data.all(b, object.data.all(c, a + b + c != "")))';
    await using world = await setUp({ validations: [{ expression: many }] });

    const data = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`key-${index}`, 'x']));
    await expect(world.api.create(MAPS, map('x', data))).rejects.toThrow('operation cancelled: actual cost limit exceeded');
  });

  it('is about namespaces and objects that selectors pick', async () => {
    await using world = await setUp(
      { validations: [{ expression: 'false', message: 'no' }] },
      {
        matchResources: {
          namespaceSelector: { matchLabels: { env: 'prod' } },
          objectSelector: { matchExpressions: [{ key: 'exempt', operator: 'DoesNotExist' }] },
        },
      },
    );
    const { api } = world;
    await api.create('/api/v1/namespaces', { metadata: { name: 'prod', labels: { env: 'prod' } } });
    const there = '/api/v1/namespaces/prod/configmaps';

    await api.create(MAPS, map('x'));
    await expect(api.create(there, map('x'))).rejects.toThrow('no');
    await api.create(there, map('y', {}, { exempt: 'yes' }));
  });

  it('never keeps itself from being taken away', async () => {
    await using world = await setUp({
      matchConstraints: { resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }] },
      validations: [{ expression: 'false' }],
    });

    await expect(world.api.create(MAPS, map('x'))).rejects.toThrow('denied request');
    await world.api.remove(`${GROUP}/validatingadmissionpolicybindings/b`);
    await world.api.create(MAPS, map('x'));
  });

  it('sees other versions of the same objects', async () => {
    const rules = [
      {
        apiGroups: ['autoscaling'],
        apiVersions: ['v1'],
        operations: ['CREATE' as const],
        resources: ['horizontalpodautoscalers'],
      },
    ];
    await using world = await setUp({
      matchConstraints: { resourceRules: rules },
      validations: [{ expression: 'object.spec.targetCPUUtilizationPercentage < 50', message: 'too much' }],
    });
    const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }];
    const scaler = {
      metadata: { name: 'x' },
      spec: { maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' }, metrics },
    };

    await expect(world.api.create('/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers', scaler)).rejects.toThrow(
      'too much',
    );
  });
});

it('judges connections by what they are opened with', async () => {
  const content = { type: 'content', status: 200, contentType: 'text/plain', body: 'connected' } as const;
  await using server = await startTestApiServer({ connectors: [{ subresources: ['pods/exec'], connect: async () => content }] });
  const api = new ApiProbe(server.transport);
  const resourceRules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CONNECT'], resources: ['pods/exec'] }];
  const expression = "request.kind.kind == 'PodExecOptions' && object.command[0] != 'sh' && request.name == 'x'";
  await api.create(`${GROUP}/validatingadmissionpolicies`, {
    metadata: { name: 'p' },
    spec: { matchConstraints: { resourceRules }, validations: [{ expression, message: 'no shell' }] },
  });
  await api.create(`${GROUP}/validatingadmissionpolicybindings`, {
    metadata: { name: 'b' },
    spec: { policyName: 'p', validationActions: ['Deny'] },
  });
  const exec = '/api/v1/namespaces/default/pods/x/exec';

  expect((await api.call('POST', exec, { query: { command: ['ls', '-l'], stdout: true } })).body).toBe('connected');
  await expect(api.call('POST', exec, { query: { command: 'sh' } })).rejects.toThrow('no shell');
});

describe('the status of a policy', () => {
  const rules = (...resources: string[]) => ({
    resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE' as const], resources }],
  });

  it('tells what expressions get wrong about the kinds that it names', async () => {
    await using world = await setUp({
      matchConstraints: rules('deployments', 'replicasets'),
      variables: [{ name: 'replicas', expression: 'object.spec.replicas' }],
      validations: [
        { expression: "variables.replicas > 1 && object.spec.strategy.type != 'x'" },
        { expression: "object.spec.replicas == 'x'", messageExpression: 'object.metadata.nothing' },
        { expression: "object.spec.template.spec.containers.all(c, c.image.startsWith('a') && has(c.resources.limits))" },
      ],
    });

    const { status } = await world.api.get(`${GROUP}/validatingadmissionpolicies/p`);

    expect(status).toEqual({
      observedGeneration: 1,
      typeChecking: {
        expressionWarnings: [
          {
            fieldRef: 'spec.validations[0].expression',
            warning: expect.stringMatching(/^apps\/v1, Kind=ReplicaSet: ERROR: <input>:1:38: undefined field 'strategy'/),
          },
          {
            fieldRef: 'spec.validations[1].expression',
            warning: expect.stringMatching(/Kind=Deployment: .*'_==_' applied to '\(int, string\)'[\s\S]*Kind=ReplicaSet: /),
          },
          { fieldRef: 'spec.validations[1].messageExpression', warning: expect.stringContaining("undefined field 'nothing'") },
        ],
      },
    });
  });

  it('says that nothing is wrong', async () => {
    await using world = await setUp({
      matchConstraints: rules('deployments'),
      validations: [{ expression: 'object.spec.replicas > 1' }],
    });

    expect(await world.api.get(`${GROUP}/validatingadmissionpolicies/p`)).toMatchObject({
      status: { observedGeneration: 1, typeChecking: {} },
    });
  });
});
