import { describe, expect, it } from 'vitest';
import { lxcTarget } from './pods/lxc-target.ts';
import { casesFor, describePods } from './pods/pod-suite.ts';
import { withoutRoot } from './testing/lab.ts';

describe.skipIf(withoutRoot !== undefined)(withoutRoot ?? 'on LXC', () => {
  describePods(lxcTarget);

  it('has more than a hundred cases', () => {
    expect(casesFor(lxcTarget)).toBeGreaterThan(100);
  });
});
