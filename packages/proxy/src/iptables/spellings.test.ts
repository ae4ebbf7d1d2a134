import { describe, expect, it } from 'vitest';
import { changesOf, stateOf } from './changes.ts';
import type { RuleSet, TableRules } from './rule-set.ts';
import { Spellings } from './spellings.ts';

const table = (lines: readonly string[]): TableRules => ({ chains: new Map([['A', lines]]), jumps: [] });
const set = (lines: readonly string[]): RuleSet => ({ filter: table([]), nat: table(lines) });
const stateWith = (lines: readonly string[]) => ({ filter: stateOf(table([])), nat: stateOf(table(lines)) });

describe('Spellings', () => {
  it('takes what was shown after writing as what was written', () => {
    const spellings = new Spellings();
    const desired = set(['-s 10.0.0.0/8 -j X']);
    spellings.learn(stateWith(['--source 10/8 -j X']), desired);

    const same = spellings.translate(stateWith(['--source 10/8 -j X']), desired);
    const damaged = spellings.translate(stateWith(['--source 10/8 -j Y']), desired);
    const wanted = set(['-s 10.0.0.0/9 -j X']);

    expect(changesOf('nat', same.nat, desired.nat)).toBeUndefined();
    expect(changesOf('nat', damaged.nat, desired.nat)).toBeDefined();
    expect(changesOf('nat', spellings.translate(stateWith(['--source 10/8 -j X']), wanted).nat, wanted.nat)).toBeDefined();
  });

  it('does not take a chain that lost a rule for a spelling', () => {
    const spellings = new Spellings();
    const desired = set(['1', '2']);
    spellings.learn(stateWith(['1']), desired);

    expect(changesOf('nat', spellings.translate(stateWith(['1']), desired).nat, desired.nat)).toBeDefined();
  });
});
