import { describe, expect, it } from 'vitest';
import { BOATS, boat, boats, customWorld, DEFINITIONS, establish, becomes, failure, untilGone } from './test-support.ts';

const withStatus = boats({ version: { subresources: { status: {} } } });

describe('a custom object', () => {
  it('loses unknown fields and gets defaults', async () => {
    await using api = await customWorld([boats()]);

    const made = await api.probe.create(BOATS, boat('a', { color: 'red', unknown: 1 }));

    expect(made).toMatchObject({ apiVersion: 'example.com/v1', kind: 'Boat', metadata: { name: 'a', namespace: 'default' } });
    expect(made.spec).toEqual({ size: 1, color: 'red' });
  });

  it('is refused in upstream’s words', async () => {
    await using api = await customWorld([boats()]);

    const refused = await api.probe.create(BOATS, boat('a', { size: 11, color: 'green', crew: ['x', 'x'] })).catch(failure);

    expect(refused).toMatchObject({ reason: 'Invalid', code: 422 });
    expect(refused.message).toBe(
      'Boat.example.com "a" is invalid: [spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10, ' +
        'spec.color: Unsupported value: "green": supported values: "red", "blue", spec.crew[1]: Duplicate value: "x"]',
    );
    expect(refused.details).toMatchObject({ name: 'a', group: 'example.com', kind: 'Boat' });
    expect(refused.details.causes[0]).toEqual({
      reason: 'FieldValueInvalid',
      field: 'spec.size',
      message: 'Invalid value: 11: spec.size in body should be less than or equal to 10',
    });
  });

  it('of an older schema may stay as it is where it is not touched', async () => {
    await using api = await customWorld([boats({ schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } })]);
    const old = await api.probe.create(BOATS, boat('a', { size: 50 }));
    const { metadata } = await api.probe.get(`${DEFINITIONS}/boats.example.com`);
    await api.probe.update(`${DEFINITIONS}/boats.example.com`, { ...boats(), metadata });
    const merge = (spec: object) =>
      becomes(
        () => api.probe.merge(`${BOATS}/a`, { spec }).catch(failure),
        () => true,
      );
    await becomes(
      () => api.probe.create(BOATS, boat('b', { size: 50 })).catch(failure),
      ({ code }) => code === 422,
    );

    const kept = await merge({ color: 'red' });
    const refused = await merge({ size: 51 });

    expect(old.spec).toEqual({ size: 50 });
    expect(kept.spec).toEqual({ size: 50, color: 'red' });
    expect(refused.message).toContain('spec.size: Invalid value: 51');
  });

  it('of an older schema has the defaults of the new one when it is read, watched and listed', async () => {
    await using api = await customWorld([boats({ schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } })]);
    await api.probe.create(BOATS, boat('a', { other: 1 }));
    const { metadata } = await api.probe.get(`${DEFINITIONS}/boats.example.com`);

    await api.probe.update(`${DEFINITIONS}/boats.example.com`, { ...boats(), metadata });
    const read = await becomes(
      () => api.probe.get(`${BOATS}/a`),
      ({ spec }) => spec.size === 1,
    );
    const list = await api.probe.get(BOATS, { limit: 1 });
    using log = await api.probe.watch(BOATS);

    expect(read.spec).toEqual({ size: 1 });
    expect(list.items[0].spec).toEqual({ size: 1 });
    expect(log.events[0]?.object).toMatchObject({ spec: { size: 1 } });
  });

  it('keeps integers that a number cannot hold', async () => {
    await using api = await customWorld([
      boats({
        schema: {
          type: 'object',
          properties: { spec: { type: 'object', properties: { big: { type: 'integer', format: 'int64' } } } },
        },
      }),
    ]);

    await api.probe.create(BOATS, boat('a', { big: 9007199254740993n }));
    const read = await api.probe.get(`${BOATS}/a`);

    expect(read.spec.big).toBe(9007199254740993n);
  });

  it('counts changes of everything but metadata; not of the status if that is a subresource', async () => {
    await using api = await customWorld([boats()]);
    await using other = await customWorld([withStatus]);
    const generations = async ({ probe }: typeof api, subresource: string) => {
      const made = await probe.create(BOATS, boat('a', {}, { status: { size: 1 } }));
      const labelled = await probe.merge(`${BOATS}/a`, { metadata: { labels: { x: 'y' } } });
      const status = await probe.merge(`${BOATS}/a${subresource}`, { status: { size: 2 } });
      const spec = await probe.merge(`${BOATS}/a`, { spec: { size: 2 } });
      return [made, labelled, status, spec].map(({ metadata }) => metadata.generation);
    };

    expect(await generations(api, '')).toEqual([1, 1, 2, 3]);
    expect(await generations(other, '/status')).toEqual([1, 1, 1, 2]);
  });

  it('takes JSON and merge patches, no strategic ones, and no PUT that does not say of which version', async () => {
    await using api = await customWorld([boats()]);
    await api.probe.create(BOATS, boat('a', { crew: ['x', 'y'] }));
    const patch = (contentType: string, body: unknown) =>
      api.probe.call('PATCH', `${BOATS}/a`, { body, contentType }).catch(failure);

    const merged = await patch('application/merge-patch+json', { spec: { crew: ['z'], size: null } });
    const json = await patch('application/json-patch+json', [{ op: 'add', path: '/spec/crew/-', value: 'w' }]);
    const strategic = await patch('application/strategic-merge-patch+json', { spec: {} });
    const put = await api.probe.update(`${BOATS}/a`, boat('a')).catch(failure);

    expect(merged.body.spec).toEqual({ crew: ['z'], size: 1 });
    expect(json.body.spec.crew).toEqual(['z', 'w']);
    expect(strategic).toMatchObject({ reason: 'UnsupportedMediaType', code: 415 });
    expect(strategic.message).toContain(
      'accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
    expect(put).toMatchObject({
      code: 422,
      message: expect.stringContaining('metadata.resourceVersion: Invalid value: 0: must be specified for an update'),
    });
  });

  it.each([
    { fieldValidation: 'Strict', want: 'strict decoding error: unknown field "metadata.x", unknown field "spec.y"' },
    { fieldValidation: 'Warn', want: ['unknown field "metadata.x"', 'unknown field "spec.y"'] },
    { fieldValidation: 'Ignore', want: [] },
  ])('with unknown fields: $fieldValidation', async ({ fieldValidation, want }) => {
    await using api = await customWorld([boats()]);
    const body = { ...boat('a', { y: 1 }), metadata: { name: 'a', x: 1 } };

    const answer = await api.probe.call('POST', BOATS, { body, query: { fieldValidation } }).catch(failure);

    expect(answer.warnings ?? answer.message).toEqual(typeof want === 'string' ? expect.stringContaining(want) : want);
  });

  it('has a status that only its own path writes, and that path nothing else', async () => {
    await using api = await customWorld([withStatus]);
    await api.probe.create(BOATS, boat('a', { size: 1 }, { status: { size: 9 } }));

    const status = await api.probe.merge(`${BOATS}/a/status`, {
      metadata: { labels: { x: 'y' } },
      spec: { size: 5 },
      status: { size: 2 },
    });
    const main = await api.probe.merge(`${BOATS}/a`, { status: { size: 3 } });
    const wrong = await api.probe.merge(`${BOATS}/a/status`, { status: { size: 'x' } }).catch(failure);

    expect(status).toMatchObject({ spec: { size: 1 }, status: { size: 2 } });
    expect(status.metadata.labels).toBeUndefined();
    expect(main.status).toEqual({ size: 2 });
    expect(wrong.message).toContain('status.size: Invalid value: "string": size in body must be of type integer: "string"');
  });

  it('is scaled by the paths that its definition names', async () => {
    const scale = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size', labelSelectorPath: '.status.selector' };
    await using api = await customWorld([boats({ version: { subresources: { status: {}, scale } } })]);
    await api.probe.create(BOATS, boat('a', { size: 2 }));
    await api.probe.merge(`${BOATS}/a/status`, { status: { size: 1, selector: 'app=a' } });

    const read = await api.probe.get(`${BOATS}/a/scale`);
    const patched = await api.probe.merge(`${BOATS}/a/scale`, { spec: { replicas: 5 } });
    const refused = await api.probe.merge(`${BOATS}/a/scale`, { spec: { replicas: 11 } }).catch(failure);
    const negative = await api.probe.merge(`${BOATS}/a`, { spec: { size: -1 } }).catch(failure);
    const object = await api.probe.get(`${BOATS}/a`);

    expect(read).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 2 },
      status: { replicas: 1, selector: 'app=a' },
    });
    expect(patched.spec.replicas).toBe(5);
    expect(object.spec.size).toBe(5);
    expect(object.metadata.generation).toBe(2);
    expect(refused.code).toBe(422);
    expect(negative.message).toContain('.spec.size: Invalid value: -1: should be a non-negative integer');
  });

  it('is selected by the fields that its definition names, also in watches', async () => {
    await using api = await customWorld([boats({ version: { selectableFields: [{ jsonPath: '.spec.color' }] } })]);
    await api.probe.create(BOATS, boat('a', { color: 'red' }));
    await api.probe.create(BOATS, boat('b', { color: 'blue' }));
    using log = await api.probe.watch(BOATS, { fieldSelector: 'spec.color=red' });

    const { items } = await api.probe.get(BOATS, { fieldSelector: 'spec.color=blue' });
    const refused = await api.probe.get(BOATS, { fieldSelector: 'spec.size=1' }).catch(failure);
    await api.probe.merge(`${BOATS}/b`, { spec: { color: 'red' } });
    await api.probe.merge(`${BOATS}/a`, { spec: { color: 'blue' } });
    await log.reach(3);

    expect(items.map(({ metadata }: { metadata: { name: string } }) => metadata.name)).toEqual(['b']);
    expect(refused.message).toBe('field label not supported: spec.size');
    expect(log.lines).toEqual(['ADDED a', 'ADDED b', 'DELETED a']);
  });

  it('is shown in the columns that its definition names', async () => {
    const additionalPrinterColumns = [
      { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
      { name: 'Crew', type: 'string', jsonPath: '.spec.crew[0]', priority: 1, description: 'Who is on board' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
    ];
    await using api = await customWorld([boats({ version: { additionalPrinterColumns } })]);
    await api.probe.create(BOATS, boat('a', { size: 3, crew: ['x'] }));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';

    const { body } = await api.probe.call('GET', BOATS, { accept });

    const table = body as {
      columnDefinitions: { name: string; priority: number; description: string }[];
      rows: { cells: unknown[] }[];
    };
    expect(table.columnDefinitions.map(({ name, priority }) => `${name} ${priority}`)).toEqual([
      'Name 0',
      'Size 0',
      'Crew 1',
      'Age 0',
    ]);
    expect(table.columnDefinitions[1]?.description).toBe('Custom resource definition column (in JSONPath format): .spec.size');
    expect(table.columnDefinitions[2]?.description).toBe('Who is on board');
    expect(table.rows[0]?.cells).toEqual(['a', 3, 'x', expect.stringMatching(/^\d+s$/)]);
  });

  it('of a version that should not be used any more comes with a warning', async () => {
    await using api = await customWorld([boats({ version: { deprecated: true } })]);

    const { warnings } = await api.probe.call('GET', BOATS);

    expect(warnings).toEqual(['example.com/v1 Boat is deprecated']);
  });

  it('says which finalizers may be mistaken for others', async () => {
    await using api = await customWorld([boats()]);

    const { warnings } = await api.probe.call('POST', BOATS, {
      body: { ...boat('a'), metadata: { name: 'a', finalizers: ['hold', 'example.com/ok'] } },
    });

    expect(warnings).toEqual([
      'metadata.finalizers: "hold": prefer a domain-qualified finalizer name to avoid accidental conflicts with other finalizer writers',
    ]);
  });
});

it('of a kind of the cluster is in no namespace', async () => {
  await using api = await customWorld([boats({ spec: { scope: 'Cluster' } })]);
  const path = '/apis/example.com/v1/boats';

  const made = await api.probe.create(path, boat('a'));
  const list = await api.probe.get(path);
  const inNamespace = await api.probe.get(BOATS).catch(failure);
  const { resources } = await api.probe.get('/apis/example.com/v1');
  await api.probe.remove(`${path}/a`);
  const gone = await api.probe.get(`${path}/a`).catch(failure);

  expect(made.metadata.namespace).toBeUndefined();
  expect(list.items).toHaveLength(1);
  expect(inNamespace.code).toBe(404);
  expect(resources[0].namespaced).toBe(false);
  expect(gone).toMatchObject({ reason: 'NotFound', message: 'boats.example.com "a" not found' });
});

it('of a definition that was deleted and made again begins anew', async () => {
  await using api = await customWorld([boats()]);
  await api.probe.create(BOATS, boat('a'));
  await api.probe.remove(`${DEFINITIONS}/boats.example.com`);
  await untilGone(api.probe, 'boats.example.com');

  await establish(api.probe, boats({ version: { name: 'v2' } }));
  const old = await api.probe.get(BOATS).catch(failure);
  const { items } = await api.probe.get('/apis/example.com/v2/boats');

  expect(old.code).toBe(404);
  expect(items).toEqual([]);
});
