import { describe, expect, it } from 'vitest';
import { dockerTarget } from './pods/docker-target.ts';
import { casesFor, describePods } from './pods/pod-suite.ts';
import { withoutRoot } from './testing/lab.ts';

describe.skipIf(withoutRoot !== undefined)(withoutRoot ?? 'on Docker', () => {
  describePods(dockerTarget);

  it('has more than a hundred cases', () => {
    expect(casesFor(dockerTarget)).toBeGreaterThan(100);
  });
});
