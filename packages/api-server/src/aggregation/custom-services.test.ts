import { afterEach, describe, expect, it } from 'vitest';
import { becomes, boats, customWorld, DEFINITIONS, establish, type CustomWorld } from '../custom/test-support.ts';
import type { Loose } from '../test-support/api-probe.ts';

const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';
const NAME = 'v1.example.com';

let world: CustomWorld;
afterEach(() => world[Symbol.asyncDispose]());

/** Names of all APIServices, once they are these. */
const named = (...names: string[]): Promise<Loose> =>
  becomes(
    () => world.probe.get(SERVICES),
    ({ items }) => names.join() === items.map(({ metadata }: Loose) => metadata.name).join(),
  );

describe('the APIService of a version of custom resources', () => {
  it('comes with the first definition, and is available', async () => {
    world = await customWorld([boats()]);

    const { items } = await named(NAME);

    expect(items).toMatchObject([
      {
        metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' } },
        spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1_000, versionPriority: 100 },
        status: { conditions: [{ type: 'Available', status: 'True', reason: 'Local' }] },
      },
    ]);
  });

  it('goes with the last definition', async () => {
    const cars = boats({ spec: { names: { plural: 'cars', kind: 'Car' } } });
    cars.metadata.name = 'cars.example.com';
    world = await customWorld([boats(), cars]);
    await named(NAME);

    await world.probe.remove(`${DEFINITIONS}/boats.example.com`);
    await becomes(
      () => world.probe.get(DEFINITIONS),
      ({ items }) => items.length === 1,
    );
    await named(NAME);
    await world.probe.remove(`${DEFINITIONS}/cars.example.com`);

    await named();
  });

  it('comes and goes with versions that are served', async () => {
    const [version] = boats().spec.versions;
    const versions = (isServed: boolean) => [version, { ...version, name: 'v2', storage: false, served: isServed }];
    world = await customWorld([boats({ spec: { versions: versions(true) } })]);
    await named(NAME, 'v2.example.com');

    await world.probe.merge(`${DEFINITIONS}/boats.example.com`, { spec: { versions: versions(false) } });

    await named(NAME);
  });

  it('is put back when somebody takes it away or changes it', async () => {
    world = await customWorld([boats()]);
    const before = (await named(NAME)).items[0];

    await world.probe.remove(`${SERVICES}/${NAME}`);
    await becomes(
      () => world.probe.get(SERVICES),
      ({ items }) => items[0] && items[0].metadata.uid !== before.metadata.uid,
    );
    await world.probe.merge(`${SERVICES}/${NAME}`, { spec: { versionPriority: 5 } });

    await becomes(
      () => world.probe.get(`${SERVICES}/${NAME}`),
      ({ spec }) => spec.versionPriority === 100,
    );
  });

  it('is not made where somebody keeps one already', async () => {
    world = await customWorld([]);
    const spec = { group: 'example.com', version: 'v1', groupPriorityMinimum: 7, versionPriority: 7 };
    await world.probe.create(SERVICES, { metadata: { name: NAME }, spec });

    await establish(world.probe, boats());
    await establish(world.probe, otherGroup());
    await named(NAME, 'v1.other.com');
    await world.probe.remove(`${DEFINITIONS}/boats.example.com`);
    await world.probe.remove(`${DEFINITIONS}/boats.other.com`);

    const { items } = await named(NAME);
    expect(items[0].spec).toEqual(spec);
  });
});

function otherGroup(): Loose {
  const definition = boats({ spec: { group: 'other.com' } });
  definition.metadata.name = 'boats.other.com';
  return definition;
}
