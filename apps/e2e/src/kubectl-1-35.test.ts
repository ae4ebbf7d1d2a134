import { deploymentSuite } from './testing/deployment-suite.ts';

deploymentSuite('1.35', 'iptables');
deploymentSuite('1.35', 'userspace');
