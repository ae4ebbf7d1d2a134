import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesBetween, SnapshotMap } from './snapshot-map.ts';

const steps = fc.array(fc.array(fc.tuple(fc.stringMatching(/^[a-d]{1,2}$/), fc.option(fc.integer(), { nil: undefined }))));

describe('SnapshotMap', () => {
  it('holds what a Map would hold after the same changes, and leaves the maps before it alone', () => {
    fc.assert(
      fc.property(steps, (history) => {
        const model = new Map<string, number>();
        let map = SnapshotMap.empty<number>();
        const versions: [SnapshotMap<number>, Map<string, number>][] = [];
        for (const changes of history) {
          map = map.with(changes);
          for (const [key, value] of changes) {
            if (value === undefined) model.delete(key);
            else model.set(key, value);
          }
          versions.push([map, new Map(model)]);
        }
        for (const [version, expected] of versions) {
          expect(new Map(version)).toEqual(expected);
          expect(version.size).toBe(expected.size);
        }
      }),
    );
  });

  it('finds the same differences as comparing entry by entry', () => {
    fc.assert(
      fc.property(steps, steps, (first, second) => {
        const before = SnapshotMap.empty<number>().with(first.flat());
        const after = before.with(second.flat());

        expect(changesBetween(before, after)).toEqual(changesBetween(new Map(before), new Map(after)));
      }),
    );
  });

  it('looks at few entries for a change of one among many', () => {
    const entries = Array.from({ length: 20_000 }, (_, index): [string, object] => [`default/service-${index}:http`, {}]);
    const before = SnapshotMap.empty<object>().with(entries);
    const after = before.with([['default/service-7:http', {}]]);

    const looked = [...SnapshotMap.differingBuckets(before, after)].map(([, bucket]) => bucket.size);

    expect(looked).toHaveLength(1);
    expect(looked[0]).toBeLessThan(100);
  });
});
