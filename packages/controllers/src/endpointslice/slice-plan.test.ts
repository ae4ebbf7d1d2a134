import type { Endpoint, EndpointSlice } from '@keelson/api/discovery/v1';
import { describe, expect, it } from 'vitest';
import { endpointKey } from './desired-endpoints.ts';
import { planSlices, type Plan } from './slice-plan.ts';

const LABELS = { a: 'b' };

function endpoint(name: string, ready = true): Endpoint {
  return { addresses: [`10.0.0.${name.charCodeAt(0)}`], conditions: { ready }, targetRef: { namespace: 'd', name } };
}

/** A slice with one endpoint for each letter. */
function slice(letters: string, labels: Record<string, string> = LABELS): EndpointSlice {
  return { metadata: { name: letters, labels }, addressType: 'IPv4', endpoints: Array.from(letters, (name) => endpoint(name)) };
}

function plan(known: readonly string[], wanted: string): Plan {
  return planOf(
    known.map((letters) => slice(letters)),
    Array.from(wanted, (name) => endpoint(name)),
  );
}

function planOf(known: readonly EndpointSlice[], wanted: readonly Endpoint[]): Plan {
  const endpoints = new Map(wanted.map((each) => [endpointKey(each), each]));
  return planSlices(known, { ports: [], endpoints }, { labels: LABELS, maxEndpoints: 3, keepsOne: true });
}

const letters = (endpoints: readonly Endpoint[] | undefined): string =>
  endpoints?.map(({ targetRef }) => targetRef?.name).join('') ?? '';
const writes = ({ writes: drafts }: Plan) =>
  drafts.map(({ known, endpoints }) => `${known?.metadata?.name ?? 'new'}: ${letters(endpoints)}`);
const names = (slices: readonly EndpointSlice[]) => slices.map(({ metadata }) => metadata?.name);

describe('planning slices', () => {
  it.each([
    { title: 'writes nothing when all is there', known: ['ab', 'cde'], wanted: 'abcde', want: [] },
    { title: 'fills a slice that is written anyway, and no other', known: ['ab', 'cde'], wanted: 'acdefg', want: ['ab: afg'] },
    {
      title: 'puts the rest into the fullest slice that has room for all of it',
      known: ['a', 'bc'],
      wanted: 'abcf',
      want: ['bc: bcf'],
    },
    { title: 'does not spread the rest over slices', known: ['ab', 'cd'], wanted: 'abcdfg', want: ['new: fg'] },
    { title: 'packs new slices full', known: [], wanted: 'abcdefg', want: ['new: abc', 'new: def', 'new: g'] },
    { title: 'drops an endpoint that is in two slices from one', known: ['ab', 'bc'], wanted: 'abc', want: ['bc: c'] },
    {
      title: 'fills the fullest of the written slices first',
      known: ['abx', 'cxy', 'de'],
      wanted: 'abcdef',
      want: ['abx: abf', 'cxy: c'],
    },
  ])('$title', ({ known, wanted, want }) => {
    expect(writes(plan(known, wanted))).toEqual(want);
  });

  it('deletes slices that have nothing left', () => {
    const { deletes, keeps } = plan(['ab', 'cd'], 'cd');

    expect(names(deletes)).toEqual(['ab']);
    expect(names(keeps)).toEqual(['cd']);
  });

  it('writes a slice whose endpoint has changed, in its place', () => {
    const result = planOf([slice('ab')], [endpoint('a', false), endpoint('b')]);

    expect(writes(result)).toEqual(['ab: ab']);
    expect(result.writes[0]?.endpoints[0]?.conditions).toEqual({ ready: false });
  });

  it('writes a slice that has other labels', () => {
    expect(writes(planOf([slice('a', {})], [endpoint('a')]))).toEqual(['a: a']);
  });
});
