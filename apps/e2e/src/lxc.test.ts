import { describe } from 'vitest';
import { describeKilled } from './lxc/killed.ts';
import { describeKubectl } from './lxc/with-kubectl.ts';
import { withoutRoot } from './testing/lab.ts';

// In one file, and so one after the other: both use the same range of addresses on this machine.
describe.skipIf(withoutRoot !== undefined)(withoutRoot ?? 'a whole cluster on LXC', () => {
  describeKubectl();
  describeKilled();
});
