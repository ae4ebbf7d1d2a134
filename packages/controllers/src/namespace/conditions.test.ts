import { describe, expect, it } from 'vitest';
import { namespaceConditions, type Leftovers } from './conditions.ts';

const NOTHING: Leftovers = { discoveryFailures: new Map(), deletionErrors: [], remaining: new Map(), finalizers: new Map() };

describe('conditions of a namespace that is being emptied', () => {
  it.each([
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      left: {
        discoveryFailures: new Map([
          ['b/v1', 'no'],
          ['a/v1', 'down'],
        ]),
      },
      reason: 'DiscoveryFailed',
      message:
        'Discovery failed for some groups, 2 failing: unable to retrieve the complete list of server APIs: a/v1: down, b/v1: no',
    },
    {
      type: 'NamespaceDeletionContentFailure',
      left: { deletionErrors: ['x', 'y'] },
      reason: 'ContentDeletionFailed',
      message: 'Failed to delete all resource types, 2 remaining: [x, y]',
    },
    {
      type: 'NamespaceContentRemaining',
      left: {
        remaining: new Map([
          ['pods.', 2],
          ['deployments.apps', 1],
        ]),
      },
      reason: 'SomeResourcesRemain',
      message: 'Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances',
    },
  ])('reports $type', ({ type, left, reason, message }) => {
    const conditions = namespaceConditions(undefined, { ...NOTHING, ...left }, 0);

    expect(conditions?.find((each) => each.type === type)).toMatchObject({ status: 'True', reason, message });
    expect(conditions?.filter(({ status }) => status === 'False')).toHaveLength(4);
  });

  it('stays the same list if nothing has changed', () => {
    const first = namespaceConditions(undefined, NOTHING, 0);

    expect(namespaceConditions(first, NOTHING, 1_000)).toBe(first);
  });

  it('keeps the time of a condition whose message alone changes', () => {
    const first = namespaceConditions(undefined, { ...NOTHING, deletionErrors: ['x'] }, 0);
    const second = namespaceConditions(first, { ...NOTHING, deletionErrors: ['y'] }, 5_000);

    expect(second?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual(
      first?.map(({ lastTransitionTime }) => lastTransitionTime),
    );
    expect(second).not.toBe(first);
  });
});
