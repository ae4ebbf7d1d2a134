import { describe, expect, it } from 'vitest';
import { changesOf, NOTHING, stateOf, type TableState } from './changes.ts';
import { restoreText } from './restore-text.ts';
import { LAST_RULE_MARK, type TableRules } from './rule-set.ts';

const EMPTY: TableState = { chains: new Map(), jumps: new Map() };
const rules = (chains: Record<string, readonly string[]>, jumps: TableRules['jumps'] = []): TableRules => ({
  chains: new Map(Object.entries(chains)),
  jumps,
});
const linesOf = (actual: TableState, desired: TableRules) => {
  const changes = changesOf('nat', actual, desired);
  return changes ? restoreText([changes]).trim().split('\n') : [];
};

describe('changesOf', () => {
  it('is nothing for what is equal', () => {
    const desired = rules({ A: ['1'] }, [{ from: 'OUTPUT', rule: '-j A' }]);

    expect(linesOf(stateOf(desired), rules({ A: ['1'] }, [{ from: 'OUTPUT', rule: '-j A' }]))).toEqual([]);
  });

  it('writes changed chains anew, removes old ones, and does not mention the others', () => {
    const actual = stateOf(rules({ A: ['1', '2'], B: ['3'], C: ['5'] }));

    expect(linesOf(actual, rules({ A: ['1', '4'], C: ['5'] }))).toEqual([
      '*nat',
      ':B - [0:0]',
      ':A - [0:0]',
      '-A A 1',
      '-A A 4',
      '-X B',
      'COMMIT',
    ]);
  });

  it('minds the order where it matters, and not where rules exclude each other', () => {
    expect(linesOf(stateOf(rules({ A: ['1', '2'] })), rules({ A: ['2', '1'] }))).not.toEqual([]);
    expect(linesOf(stateOf(rules({ 'KUBE-NODEPORTS': ['1', '2'] })), rules({ 'KUBE-NODEPORTS': ['2', '1'] }))).toEqual([]);
  });

  it('changes single rules of a long chain', () => {
    const last = `"${LAST_RULE_MARK}"`;
    const actual = stateOf(rules({ 'KUBE-SERVICES': ['1', '2', '3', '4', '5', last] }));

    expect(linesOf(actual, rules({ 'KUBE-SERVICES': ['1', '2', '6', '4', '5', last] }))).toEqual([
      '*nat',
      '-D KUBE-SERVICES 3',
      '-I KUBE-SERVICES 6',
      'COMMIT',
    ]);
  });

  it('removes what is there twice', () => {
    expect(linesOf(stateOf(rules({ 'KUBE-NODEPORTS': ['1', '1', '2'] })), rules({ 'KUBE-NODEPORTS': ['1', '2'] }))).toEqual([
      '*nat',
      '-D KUBE-NODEPORTS 1',
      'COMMIT',
    ]);
  });

  it('writes a chain anew whose last rule is not the last one any more', () => {
    const last = `"${LAST_RULE_MARK}"`;
    const actual = stateOf(rules({ 'KUBE-SERVICES': ['1', last, '2'] }));

    expect(linesOf(actual, rules({ 'KUBE-SERVICES': ['1', '2', last] }))).toContain(':KUBE-SERVICES - [0:0]');
  });

  it('puts jumps at the head, in order, and keeps those that are there', () => {
    const jumps = ['a', 'b', 'c'].map((rule) => ({ from: 'INPUT', rule }));
    const actual: TableState = { chains: new Map(), jumps: new Map([['INPUT', ['c', 'old', 'c']]]) };

    expect(linesOf(actual, rules({}, jumps))).toEqual([
      '*nat',
      '-D INPUT old',
      '-D INPUT c',
      '-I INPUT b',
      '-I INPUT a',
      'COMMIT',
    ]);
  });

  it('takes everything away, what leads there first', () => {
    const actual = stateOf(rules({ A: ['1'] }, [{ from: 'OUTPUT', rule: '-j A' }]));

    expect(linesOf(actual, NOTHING)).toEqual(['*nat', ':A - [0:0]', '-D OUTPUT -j A', '-X A', 'COMMIT']);
    expect(changesOf('nat', EMPTY, NOTHING)).toBeUndefined();
  });
});
