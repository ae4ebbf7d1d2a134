// Kills a process that writes to a store, again and again, and checks after each time that nothing acknowledged is lost.
// Usage: node tools/bench/store/crash.ts [rounds]
import { runSuite } from './run-suite.ts';

runSuite('packages/store/src/lmdb-store.crash.test.ts', { KEELSON_CRASH_ROUNDS: process.argv[2] ?? '200' });
