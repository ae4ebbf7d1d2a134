import { describe, expect, it } from 'vitest';
import { changesOf, NOTHING, stateOf, type TableState } from './changes.ts';
import { restoreText } from './restore-text.ts';
import type { TableRules } from './rule-set.ts';

const EMPTY: TableState = { chains: new Map(), jumps: new Map() };
const name = (kind: string, letter: string) => `KUBE-${kind}-${letter.repeat(16)}`;
const [SVC_A, SVC_B, SEP_A, SEP_B] = [name('SVC', 'A'), name('SVC', 'B'), name('SEP', 'A'), name('SEP', 'B')];
const RULES: TableRules = {
  chains: new Map([
    ['KUBE-SERVICES', [`-j ${SVC_A}`, `-j ${SVC_B}`]],
    ['KUBE-MARK-MASQ', ['-j MARK']],
    [SVC_A, [`-j ${SEP_A}`]],
    [SVC_B, [`-j ${SEP_B}`]],
    [SEP_A, ['-j KUBE-MARK-MASQ']],
    [SEP_B, ['-j KUBE-MARK-MASQ']],
  ]),
  jumps: [{ from: 'OUTPUT', rule: '-j KUBE-SERVICES' }],
};

/** The transactions as lists of lines. */
function split(actual: TableState, desired: TableRules, options: Parameters<typeof restoreText>[1]): string[][] {
  const changes = changesOf('nat', actual, desired);
  const text = changes ? restoreText([changes], options) : '';
  return text
    .split('*nat\n')
    .slice(1)
    .map((part) => part.replace('\nCOMMIT\n', '').replaceAll(' - [0:0]', '').split('\n'));
}

describe('restoreText', () => {
  it('is one transaction where the chains are few', () => {
    expect(split(EMPTY, RULES, { chainsAtOnce: 4 })).toHaveLength(1);
  });

  it('makes many chains beforehand, what is led to first, and lets packets in at the end', () => {
    expect(split(EMPTY, RULES, { chainsAtOnce: 3 })).toEqual([
      [
        `:${SVC_A}`,
        ':KUBE-SERVICES',
        `:${SEP_B}`,
        `:${SEP_A}`,
        ':KUBE-MARK-MASQ',
        `-A ${SVC_A} -j ${SEP_A}`,
        `-A ${SEP_A} -j KUBE-MARK-MASQ`,
        `-A ${SEP_B} -j KUBE-MARK-MASQ`,
      ],
      [`:${SVC_B}`, `-A ${SVC_B} -j ${SEP_B}`],
      [
        ':KUBE-SERVICES',
        ':KUBE-MARK-MASQ',
        '-I OUTPUT -j KUBE-SERVICES',
        `-A KUBE-SERVICES -j ${SVC_A}`,
        `-A KUBE-SERVICES -j ${SVC_B}`,
        '-A KUBE-MARK-MASQ -j MARK',
      ],
    ]);
  });

  it('keeps packets out first, and deletes many chains afterwards, what leads first', () => {
    expect(split(stateOf(RULES), NOTHING, { chainsAtOnce: 3 })).toEqual([
      [':KUBE-SERVICES', ':KUBE-MARK-MASQ', '-D OUTPUT -j KUBE-SERVICES'],
      [`:${SVC_B}`, `:${SVC_A}`, `:${SEP_B}`, `-X ${SVC_B}`, `-X ${SVC_A}`, `-X ${SEP_B}`],
      [`:${SEP_A}`, `-X ${SEP_A}`],
      ['-X KUBE-SERVICES', '-X KUBE-MARK-MASQ'],
    ]);
  });

  it('only empties chains where it is told not to delete', () => {
    const lines = split(stateOf(RULES), NOTHING, { chainsAtOnce: 3, withDeletions: false }).flat();

    expect(lines.filter((line) => line.startsWith('-X'))).toEqual([]);
    expect(lines).toContain(`:${SEP_A}`);
  });
});
