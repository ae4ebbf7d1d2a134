import { apiVersionOf, facts, statusOf } from '@keelson/api';
import { describe, expect, it } from 'vitest';
import { ApiProbe, type Loose } from '../test-support/api-probe.ts';
import { startTestApiServer } from '../testing.ts';
import { EVERY_KIND, type KindCase } from './testing/every-kind.ts';

const CASES = EVERY_KIND.map((kind) => ({ ...kind, title: `${kind.path.replace(/^\/apis?\//, '')}` }));

async function start({ path, body }: KindCase) {
  const server = await startTestApiServer();
  const probe = new ApiProbe(server.transport);
  const object = `${path}/${body.metadata.name}`;
  return { probe, path, body, object, [Symbol.asyncDispose]: () => server.close() };
}

/** Metadata that a client writes. */
const MARKS = {
  labels: { a: 'b' },
  annotations: { a: 'b' },
  finalizers: ['example.com/a'],
  ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'a', uid: 'u' }],
};

/** What is wanted of an object: all but its metadata and its status. */
function wanted({ metadata: _metadata, status: _status, ...rest }: Loose): Loose {
  return rest;
}

it('leaves out no kind that is stored and generally available', () => {
  const names = facts()
    .resources.filter(({ stability, storageVersion }) => stability === 'GA' && typeof storageVersion === 'string')
    .filter(({ group, version }) => `${group}/${version}` !== 'autoscaling/v1' && group !== 'events.k8s.io')
    .map((fact) => `${fact.group === '' ? '/api' : '/apis'}/${apiVersionOf(fact)} ${fact.plural}`);

  const covered = EVERY_KIND.map(
    ({ path }) => `${path.replace(/(\/namespaces\/default)?\/[^/]+$/, '')} ${path.split('/').at(-1)}`,
  );
  expect(covered.toSorted()).toEqual(names.toSorted());
});

describe.each(CASES)('$title', (kind) => {
  it(kind.isMadeByPut ? 'is made by a PUT to a name that does not exist' : 'is not made by a PUT', async () => {
    await using world = await start(kind);

    const answer = await world.probe.call('PUT', world.object, { body: world.body }).catch(statusOf);

    expect(answer).toMatchObject(kind.isMadeByPut ? { status: 201 } : { code: 404, reason: 'NotFound' });
  });

  it(kind.isStrict ? 'is only changed by who says of which version' : 'is changed by a PUT without a version', async () => {
    await using world = await start(kind);
    const made = await world.probe.create(world.path, world.body);
    const body = { ...made, metadata: { ...made.metadata, resourceVersion: undefined } };

    const answer = await world.probe.call('PUT', world.object, { body }).catch(statusOf);

    const message = expect.stringContaining('metadata.resourceVersion: Invalid value: 0: must be specified for an update');
    expect(answer).toMatchObject(kind.isStrict ? { code: 422, reason: 'Invalid', message } : { status: 200 });
  });

  const generations = { counts: [1, 1, 2], later: [undefined, undefined, 1], none: [undefined, undefined, undefined] };
  it(`has a generation: ${kind.generation ?? 'none'}`, async () => {
    await using world = await start(kind);

    const made = await world.probe.create(world.path, world.body);
    const labelled = await world.probe.merge(world.object, { metadata: { labels: { a: 'b' } } });
    const changed = await world.probe.merge(world.object, kind.change ?? {});

    // What cannot change counts nothing; the first numbers tell.
    const [first, second, third] = generations[kind.generation ?? 'none'];
    const seen = [made, labelled, changed].map(({ metadata }) => metadata.generation);
    // Slices of endpoints count their labels, too: they say what the endpoints are of.
    const counted = kind.path.endsWith('endpointslices') ? [first, 2, 3] : [first, second, third];
    expect(seen).toEqual(counted);
  });

  it('keeps status and all else apart', async () => {
    await using world = await start(kind);
    const { status } = kind;
    const made = await world.probe.create(world.path, { ...world.body, ...(status && { status }) });
    if (status === undefined) {
      const answer = await world.probe.merge(`${world.object}/status`, {}).catch(statusOf);
      // Definitions have a status that only the server itself writes here.
      if (!kind.path.endsWith('customresourcedefinitions')) expect(answer).toMatchObject({ code: 404 });
      return;
    }
    if (kind.keepsStatus) expect(made.status).toMatchObject(status);
    else expect(made.status ?? {}).not.toMatchObject(status);

    const main = await world.probe.merge(world.object, { status });
    expect(main.status).toEqual(made.status);

    const other = await world.probe.merge(`${world.object}/status`, { ...kind.change, status });
    expect(other.status).toMatchObject(status);
    expect(wanted(other)).toEqual(wanted(made));
  });

  if (!kind.status) return;

  it(`has ${(kind.keptByStatus ?? ['no metadata']).join(', ')} that its status keeps as they are`, async () => {
    await using world = await start(kind);
    await world.probe.create(world.path, world.body);
    const { metadata: before } = await world.probe.get(world.object);

    const { metadata } = await world.probe.merge(`${world.object}/status`, { metadata: MARKS });

    const marks = Object.entries(MARKS).map(([field, value]) => {
      const isKept = kind.keptByStatus?.some((each) => each === field);
      return [field, isKept ? before[field] : Array.isArray(value) ? value : { ...before[field], ...value }];
    });
    expect(Object.fromEntries(marks.map(([field]) => [field, metadata[field]]))).toEqual(Object.fromEntries(marks));
  });
});
