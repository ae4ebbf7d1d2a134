import { describePods } from './pods/pod-suite.ts';
import { simulatedTarget } from './pods/simulated-target.ts';

describePods(simulatedTarget);
