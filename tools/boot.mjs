// Runs on any Node from 18 on, before anything is installed: makes sure that `npm ci` has run, then goes on with the
// Node of the project (node_modules/.bin/node), which is newer than what a machine may have.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const [command = 'test', ...args] = process.argv.slice(2);

/** True if something that the lock file names is not installed, or in another version. Packages of other platforms never are. */
function needsInstall() {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  const wanted = Object.entries(packagesOf(join(root, 'package-lock.json')));
  return wanted.some(([path, { version, optional, peer }]) => {
    if (!path.startsWith('node_modules/') || version === undefined || optional || peer) return false;
    return installed[path]?.version !== version;
  });
}

function packagesOf(lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : {};
}

function install() {
  process.stderr.write('keelson: installing packages (npm ci)\n');
  const npm = process.env.npm_execpath;
  const [file, prefix] = npm ? [process.execPath, [npm]] : ['npm', []];
  const options = { cwd: root, stdio: ['ignore', 2, 2], shell: !npm && process.platform === 'win32' };
  const done = spawnSync(file, [...prefix, 'ci'], options);
  if (done.status !== 0) {
    process.stderr.write('keelson: npm ci failed\n');
    process.exit(done.status ?? 1);
  }
}

if (needsInstall()) install();
const scripts = { start: 'tools/start/main.ts', test: 'tools/test/main.ts', bench: 'tools/bench/main.ts' };
const script = scripts[command];
if (!script) {
  process.stderr.write(`keelson: no command "${command}"; one of ${Object.keys(scripts).join(', ')}\n`);
  process.exit(2);
}
const node = [join(bin, 'node'), join(bin, 'node.exe')].find((file) => existsSync(file)) ?? process.execPath;
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
const child = spawn(node, [join(root, script), ...args], { cwd: process.cwd(), stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// npm gives SIGTERM to the shell between us alone, which ends without a word: then we have another parent.
const parent = process.ppid;
if (process.env.npm_lifecycle_event) {
  setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 500).unref();
}
child.on('exit', (code, signal) => {
  if (signal) process.removeAllListeners(signal);
  if (signal) process.kill(process.pid, signal);
  else process.exit(code ?? 1);
});
