import { deploymentSuite } from './support/deployment-suite.ts';

deploymentSuite('1.20', 'iptables');
deploymentSuite('1.20', 'userspace');
