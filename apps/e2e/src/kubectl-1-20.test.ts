import { deploymentSuite } from './testing/deployment-suite.ts';

deploymentSuite('1.20', 'iptables');
deploymentSuite('1.20', 'userspace');
