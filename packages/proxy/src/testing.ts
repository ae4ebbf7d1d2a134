export { modeUnderTest } from './testing/kernel-subject.ts';
export {
  MODE_CASES,
  runModeCase,
  runModeCaseBy,
  type CaseContext,
  type ModeCase,
  type ModeSubject,
  type ModeUnderTest,
} from './testing/mode-cases.ts';
export { labObstacle, Machine, NetworkLab, type LoadResult } from './testing/network-lab.ts';
export { mapOf, servicePort, type ServicePortSketch } from './testing/service-ports.ts';
export { iptablesSubject, IPVS, NFTABLES, USERSPACE } from './testing/subjects.ts';
