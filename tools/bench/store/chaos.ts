// Lets clients work on a three-member etcd while its members are killed and paused, and checks that what they see is linearizable and that
// watches miss nothing. Usage: node tools/bench/store/chaos.ts [seconds]
import { runSuite } from './run-suite.ts';

runSuite('packages/store-etcd/src/linearizability.test.ts', { KEELSON_CHAOS_SECONDS: process.argv[2] ?? '300' });
