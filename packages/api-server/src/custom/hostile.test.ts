import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Loose } from '../test-support/api-probe.ts';
import { BOATS, boat, boats, customWorld, DEFINITIONS, failure } from './test-support.ts';

type Path = readonly (string | number)[];

/** The places of all values in a value. */
function pathsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, item]) => pathsIn(item, [...at, key]))];
}

function replaced(value: unknown, path: Path, by: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return by;
  const copy: Loose = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) };
  copy[first] = replaced(copy[first], rest, by);
  return copy;
}

const anything = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, '', 0, -1, 2 ** 60, true, [], {}, [null], { properties: null }, '(', '.spec.', {
    type: 'array',
  }),
  fc.jsonValue({ maxDepth: 2 }),
);

function codeOf(caught: Loose): number {
  return caught.code ?? 200;
}

it('definitions of any shape are refused or accepted, and nothing breaks', async () => {
  await using api = await customWorld([]);
  const scale = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' };
  const whole = boats({ version: { subresources: { status: {}, scale }, selectableFields: [{ jsonPath: '.spec.color' }] } });
  const paths = pathsIn(whole.spec);

  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), anything, async (path, value) => {
      const body = { ...whole, spec: replaced(whole.spec, path, value) };
      const answer = await api.probe.create(DEFINITIONS, body, { dryRun: 'All' }).catch(failure);

      expect([200, 400, 422], JSON.stringify(answer.message)).toContain(codeOf(answer));
    }),
    { numRuns: 400 },
  );
});

it('custom objects of any shape are refused or accepted, and nothing breaks', async () => {
  await using api = await customWorld([boats()]);
  const paths = pathsIn(boat('a', { size: 1, color: 'red', crew: ['x'] }));

  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), anything, async (path, value) => {
      const body = replaced(boat('a', { size: 1, color: 'red', crew: ['x'] }), path, value) as object;
      const answer = await api.probe.create(BOATS, body, { dryRun: 'All' }).catch(failure);

      expect([200, 400, 422], JSON.stringify(answer.message)).toContain(codeOf(answer));
    }),
    { numRuns: 400 },
  );
});

it('an object that nests as deep as a text may is refused', async () => {
  await using api = await customWorld([boats({ schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } })]);
  let deep: unknown = 1;
  for (let level = 0; level < 9_000; level += 1) deep = { a: deep };

  const answer = await api.probe.create(BOATS, { ...boat('a'), deep }).catch(failure);

  expect([200, 201, 400, 422]).toContain(codeOf(answer));
});
