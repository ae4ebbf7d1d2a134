import { deploymentSuite } from './support/deployment-suite.ts';

deploymentSuite('1.35', 'iptables');
deploymentSuite('1.35', 'userspace');
