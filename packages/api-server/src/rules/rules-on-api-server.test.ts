import { expect, it } from 'vitest';
import { customWorld } from '../custom/test-support.ts';
import { ApiProbe } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';

const definition = (rules: readonly object[]) => ({
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { replicas: { type: 'integer' }, max: { type: 'integer' } },
                'x-kubernetes-validations': rules,
              },
              status: {
                type: 'object',
                properties: { ready: { type: 'integer' } },
                'x-kubernetes-validations': [{ rule: 'self.ready >= 0', message: 'cannot be less than none' }],
              },
            },
          },
        },
      },
    ],
  },
});

const widget = (spec: object) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'x' }, spec });

it('judges custom objects, their changes and their status by the rules of their definition', async () => {
  await using world = await customWorld([
    definition([
      { rule: 'self.replicas <= self.max', messageExpression: "'at most %d'.format([self.max])", fieldPath: '.replicas' },
      { rule: 'self.replicas >= oldSelf.replicas', message: 'only up', reason: 'FieldValueForbidden' },
    ]),
  ]);
  const api = world.probe;

  await expect(api.create(WIDGETS, widget({ replicas: 3, max: 2 }))).rejects.toMatchObject({
    code: 422,
    message: 'Widget.example.com "x" is invalid: spec.replicas: Invalid value: "object": at most 2',
  });
  await api.create(WIDGETS, widget({ replicas: 2, max: 2 }));
  await expect(api.merge(`${WIDGETS}/x`, { spec: { replicas: 1 } })).rejects.toThrow('spec: Forbidden: only up');
  await expect(api.merge(`${WIDGETS}/x/status`, { status: { ready: -1 } })).rejects.toThrow(
    'status: Invalid value: "object": cannot be less than none',
  );
  expect(await api.merge(`${WIDGETS}/x/status`, { status: { ready: 1 } })).toMatchObject({ status: { ready: 1 } });
});

it('refuses definitions whose rules do not compile, or could cost too much', async () => {
  await using server = await startTestApiServer();
  const api = new ApiProbe(server.transport);
  const at = 'spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]';

  await expect(api.create(CRDS, definition([{ rule: 'self.nothing == 1' }]))).rejects.toThrow(
    new RegExp(
      `${at.replaceAll(/[[\].]/g, String.raw`\$&`)}\\.rule: Invalid value: .*: compilation failed: ERROR: <input>:1:5: undefined field 'nothing'`,
    ),
  );
  const expensive = "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, string(a).repeat(b) == ''))";
  await expect(api.create(CRDS, definition([{ rule: expensive }]))).rejects.toThrow("undeclared reference to 'repeat'");
});
