import type { Mutation } from '@keelson/api/admissionregistration/v1';
import { describe, expect, it } from 'vitest';
import { ApiProbe, type Loose } from '../../test-support/api-probe.ts';
import { startTestApiServer } from '../../testing.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';

const map = (name: string, data: Record<string, string> = {}) => ({ metadata: { name }, data });
const apply = (expression: string): Mutation => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } });
const patch = (expression: string): Mutation => ({ patchType: 'JSONPatch', jsonPatch: { expression } });

async function setUp(mutations: readonly Mutation[], spec: object = {}) {
  const server = await startTestApiServer();
  const api = new ApiProbe(server.transport);
  const resourceRules = [
    { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps', 'pods'] },
  ];
  const add = async (name: string, more: readonly Mutation[], other: object = {}) => {
    await api.create(`${GROUP}/mutatingadmissionpolicies`, {
      metadata: { name },
      spec: { matchConstraints: { resourceRules }, reinvocationPolicy: 'Never', mutations: more, ...other },
    });
    await api.create(`${GROUP}/mutatingadmissionpolicybindings`, { metadata: { name }, spec: { policyName: name } });
  };
  await add('p', mutations, spec);
  return { api, add, [Symbol.asyncDispose]: () => server.close() };
}

describe('a mutating policy', () => {
  it('puts a configuration over objects', async () => {
    await using world = await setUp([
      apply(`Object{ metadata: Object.metadata{ labels: {"team": "a-" + request.userInfo.username} }, data: {"b": "two"} }`),
    ]);

    const made = await world.api.create(MAPS, map('x', { a: 'one' }));

    expect(made).toMatchObject({ metadata: { labels: { team: 'a-test-admin' } }, data: { a: 'one', b: 'two' } });
  });

  it('merges lists by their keys, as server-side apply does', async () => {
    await using world = await setUp(
      [
        apply(`Object{ spec: Object.spec{ initContainers: [
          Object.spec.initContainers{ name: "proxy", image: "mesh/proxy:1", restartPolicy: "Always" }
        ] } }`),
      ],
      { matchConditions: [{ name: 'new', expression: "request.resource.resource == 'pods' && request.operation == 'CREATE'" }] },
    );
    const spec = { containers: [{ name: 'c', image: 'nginx' }], initContainers: [{ name: 'own', image: 'own' }] };

    const pod: Loose = await world.api.create(PODS, { metadata: { name: 'x' }, spec });

    expect(pod.spec.initContainers.map(({ name, image, imagePullPolicy }: Loose) => [name, image, imagePullPolicy])).toEqual(
      expect.arrayContaining([
        ['own', 'own', 'Always'],
        ['proxy', 'mesh/proxy:1', 'IfNotPresent'],
      ]),
    );
  });

  it('patches objects', async () => {
    await using world = await setUp(
      [
        patch(`[
        JSONPatch{op: "test", path: "/data/a", value: "1"},
        JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey("b~c"), value: "2"},
        JSONPatch{op: "add", path: "/metadata/labels", value: {"app": variables.name}}
      ]`),
      ],
      {
        variables: [{ name: 'name', expression: 'object.metadata.name' }],
        failurePolicy: 'Fail',
        matchConditions: [{ name: 'a', expression: 'has(object.data.a)' }],
      },
    );

    await expect(world.api.create(MAPS, map('x', { a: '1' }))).rejects.toThrow('data[b~c]');
  });

  it('applies its mutations one after the other, and policies in order of names', async () => {
    await using world = await setUp([apply('Object{data: {"n": "1"}}'), apply('Object{data: {"n": object.data.n + "2"}}')]);
    await world.add('q', [apply('Object{data: {"n": object.data.n + "3"}}')]);

    expect(await world.api.create(MAPS, map('x', { a: '1' }))).toMatchObject({ data: { n: '123' } });
  });

  it('refuses what it cannot change, unless it ignores that', async () => {
    const wrong = [apply('Object{data: {"n": object.data.missing}}')];
    await using strict = await setUp(wrong);
    await using lenient = await setUp(wrong, { failurePolicy: 'Ignore' });

    await expect(strict.api.create(MAPS, map('x', { a: '1' }))).rejects.toMatchObject({
      code: 422,
      message: `configmaps "x" is forbidden: policy 'p' with binding 'p' denied request: expression 'Object{data: {"n": object.data.missing}}' resulted in error: no such key: missing`,
    });
    expect(await lenient.api.create(MAPS, map('x', { a: '1' }))).toMatchObject({ data: { a: '1' } });
  });

  it('must name objects for their place, and leave alone what is owned as a whole', async () => {
    await using misnamed = await setUp([apply('Object{metadata: Object.spec{labels: {"a": "b"}}}')]);
    await using atomic = await setUp([apply('Object{spec: Object.spec{nodeSelector: {"a": "b"}}}')]);

    await expect(misnamed.api.create(MAPS, map('x'))).rejects.toThrow(
      'unexpected type name "Object.spec", expected "Object.metadata", which matches field name path from root Object type',
    );
    await expect(
      atomic.api.create(PODS, { metadata: { name: 'x' }, spec: { containers: [{ name: 'c', image: 'i' }] } }),
    ).rejects.toThrow('may not mutate atomic arrays, maps or structs: .spec.nodeSelector');
  });

  it('sees again what others have changed after it, if it wants to', async () => {
    await using world = await setUp([apply('Object{data: {"seen": string(size(object.data))}}')], {
      reinvocationPolicy: 'IfNeeded',
    });
    await world.add('q', [apply('Object{data: {"late": "yes"}}')]);

    expect(await world.api.create(MAPS, map('x', { a: '1' }))).toMatchObject({ data: { a: '1', late: 'yes', seen: '3' } });
  });
});

describe('policies that are written', () => {
  const validating = (spec: object) => ({
    metadata: { name: 'x' },
    spec: {
      matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['pods'] }] },
      ...spec,
    },
  });

  it.each<[string, object, string]>([
    [
      'validation',
      { validations: [{ expression: 'object.x >' }] },
      'spec.validations[0].expression: Invalid value: "object.x >": compilation failed: ERROR: <input>:1:10',
    ],
    [
      'validation that is none',
      { validations: [{ expression: '"text"' }] },
      'spec.validations[0].expression: Invalid value: "\\"text\\"": must evaluate to bool',
    ],
    [
      'message',
      { validations: [{ expression: 'true', messageExpression: '1' }] },
      'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string',
    ],
    [
      'condition',
      { matchConditions: [{ name: 'c', expression: 'variables.x' }], validations: [{ expression: 'true' }] },
      "undeclared reference to 'variables'",
    ],
    [
      'variable',
      {
        variables: [
          { name: 'a', expression: 'variables.b' },
          { name: 'b', expression: '1' },
        ],
        validations: [{ expression: 'true' }],
      },
      "undefined field 'b'",
    ],
    ['nothing to say', {}, 'spec.validations: Required value: validations or auditAnnotations must contain at least one item'],
    ['parameters that it has none of', { validations: [{ expression: 'params.x' }] }, "undeclared reference to 'params'"],
  ])('are refused for a wrong %s', async (_title, spec, message) => {
    await using server = await startTestApiServer();
    const api = new ApiProbe(server.transport);

    await expect(api.create(`${GROUP}/validatingadmissionpolicies`, validating(spec))).rejects.toThrow(message);
  });

  it.each<[string, Mutation, string]>([
    [
      'an object',
      apply('{"a": 1}'),
      'spec.mutations[0].applyConfiguration.expression: Invalid value: "{\\"a\\": 1}": must evaluate to Object',
    ],
    ['a patch', patch('[1]'), 'must evaluate to list(JSONPatch)'],
    ['a known type', apply('Other{}'), "undeclared reference to 'Other'"],
  ])('must make %s to mutate', async (_title, mutation, message) => {
    await using world = await setUp([apply('Object{}')]);

    await expect(world.add('x', [mutation])).rejects.toThrow(message);
  });
});
