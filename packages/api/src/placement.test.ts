import { describe, expect, it } from 'vitest';
import type { Toleration } from './generated/core/v1.ts';
import { allowsNode, toleratesTaint, untoleratedTaint } from './placement.ts';

const node = { metadata: { name: 'n1', labels: { zone: 'a', size: '8' } } };

function podWith(nodeSelector: Record<string, string>, ...terms: object[]): Parameters<typeof allowsNode>[0] {
  const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
  return { spec: { containers: [], nodeSelector, ...(terms.length > 0 && { affinity: { nodeAffinity: required } }) } };
}

describe('allowsNode', () => {
  it.each([
    { title: 'no wish', pod: podWith({}), want: true },
    { title: 'a selector that fits', pod: podWith({ zone: 'a' }), want: true },
    { title: 'a selector that does not', pod: podWith({ zone: 'b' }), want: false },
    { title: 'a selector of what every object has', pod: podWith({ toString: 'x' }), want: false },
    {
      title: 'its name',
      pod: podWith({}, { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }),
      want: true,
    },
    {
      title: 'one of two terms',
      pod: podWith({}, {}, { matchExpressions: [{ key: 'size', operator: 'Gt', values: ['4'] }] }),
      want: true,
    },
    { title: 'a term without expressions', pod: podWith({}, {}), want: false },
    {
      title: 'a term of which one part does not fit',
      pod: podWith(
        {},
        {
          matchExpressions: [{ key: 'zone', operator: 'Exists' }],
          matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }],
        },
      ),
      want: false,
    },
  ])('says $want of $title', ({ pod, want }) => {
    expect(allowsNode(pod, node)).toBe(want);
  });
});

describe('toleratesTaint', () => {
  const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };

  it.each<{ toleration: Toleration; want: boolean }>([
    { toleration: { operator: 'Exists' }, want: true },
    { toleration: { key: 'gpu', operator: 'Exists' }, want: true },
    { toleration: { key: 'gpu', value: 'yes' }, want: true },
    { toleration: { key: 'gpu', operator: 'Equal', value: 'no' }, want: false },
    { toleration: { key: 'gpu', operator: 'Exists', effect: 'NoExecute' }, want: false },
    { toleration: { key: 'other', operator: 'Exists' }, want: false },
    { toleration: { value: 'yes' }, want: false },
  ])('says $want of $toleration', ({ toleration, want }) => {
    expect(toleratesTaint(toleration, taint)).toBe(want);
    expect(untoleratedTaint([taint], [toleration], ['NoSchedule'])).toBe(want ? undefined : taint);
    expect(untoleratedTaint([taint], [], ['NoExecute'])).toBeUndefined();
  });
});
