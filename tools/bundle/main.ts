// Puts the program of apps/keelson and all that it needs into few files, since reading a thousand small ones is most of what a start costs.
// Does nothing if nothing was built since. Usage: bundle (after `tsc -b`).
import { existsSync, globSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '../..');
const app = join(root, 'apps/keelson');
const output = join(app, 'bundle');

/** Every build of a project writes its build information. */
function isFresh(): boolean {
  const entry = join(output, 'main.js');
  if (!existsSync(entry)) return false;
  const bundledMs = statSync(entry).mtimeMs;
  const built = globSync('{packages,apps}/*/dist/.tsbuildinfo', { cwd: root });
  return (
    built.every((file) => statSync(join(root, file)).mtimeMs < bundledMs) && statSync(import.meta.filename).mtimeMs < bundledMs
  );
}

if (!isFresh()) {
  rmSync(output, { recursive: true, force: true });
  await using bundle = await rolldown({
    input: join(app, 'dist/main.js'),
    platform: 'node',
    // It loads a compiled part of its own, from where it is.
    external: ['lmdb'],
    logLevel: 'warn',
  });
  await bundle.write({ dir: output, format: 'es' });
}
