// `npm start`: builds what has changed, then runs `keelson up` with the flags that follow.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../..');
const { status } = spawnSync('tsc', ['-b', join(root, 'apps/keelson')], { cwd: root, stdio: ['ignore', 2, 2] });
if (status !== 0) {
  process.stderr.write('keelson: the build failed\n');
  process.exit(status ?? 1);
}
process.argv.splice(2, 0, 'up');
await import('../bundle/main.ts');
await import(pathToFileURL(join(root, 'apps/keelson/bundle/main.js')).href);
