import { kubectlSuite } from './testing/kubectl-suite.ts';

kubectlSuite('1.20');
