import { expect, it } from 'vitest';
import type { Strategy } from '../registry/strategy.ts';
import { withoutFields } from './disabled-fields.ts';
import { CONTEXT } from './test-support.ts';

type Thing = { metadata: object; spec: { newest?: unknown; parts?: Record<string, unknown>[] } };

const strategy = withoutFields({}, ['spec.newest', 'spec.parts.*.newest']) as Strategy<Thing>;

it('drops what a client sets in fields that are off by default', () => {
  const thing: Thing = { metadata: {}, spec: { newest: 1, parts: [{ name: 'a', newest: 2 }, { name: 'b' }] } };

  strategy.prepareForCreate?.(thing, CONTEXT);

  expect(thing.spec).toEqual({ parts: [{ name: 'a' }, { name: 'b' }] });
});

it('lets those have them that had them before', () => {
  const old: Thing = { metadata: {}, spec: { parts: [{ newest: 0 }] } };
  const thing: Thing = { metadata: {}, spec: { newest: 1, parts: [{ newest: 2 }] } };

  strategy.prepareForUpdate?.(thing, old, CONTEXT);

  expect(thing.spec).toEqual({ parts: [{ newest: 2 }] });
});

it('asks the strategy itself, too', () => {
  const seen: unknown[] = [];
  const asked = withoutFields({ prepareForCreate: (object) => void seen.push(structuredClone(object)) }, ['spec.newest']);

  asked.prepareForCreate?.({ metadata: {}, spec: { newest: 1 } } as Thing, CONTEXT);

  expect(seen).toEqual([{ metadata: {}, spec: {} }]);
});
