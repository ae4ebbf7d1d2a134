#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Compiled code is kept beside the temporary files: a second start need not compile again.
enableCompileCache();
const { run } = await import('./cli.ts');
// Explicit: a library's open handle must not keep a stopped cluster alive.
process.exit(await run(process.argv.slice(2)));
