// Runs on any Node from 18 on, before anything is installed: makes sure that `npm ci` has run, then goes on with the
// Node of the project (node_modules/.bin/node), which is newer than what a machine may have.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');
const [command = 'test', ...args] = process.argv.slice(2);

/** True if what is installed is older than the lock file, or is not there at all. */
function needsInstall() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  return !existsSync(installed) || statSync(installed).mtimeMs < statSync(join(root, 'package-lock.json')).mtimeMs;
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
const scripts = { test: 'tools/test/main.ts', bench: 'tools/bench/main.ts' };
const script = scripts[command];
if (!script) {
  process.stderr.write(`keelson: no command "${command}"; one of ${Object.keys(scripts).join(', ')}\n`);
  process.exit(2);
}
const node = [join(bin, 'node'), join(bin, 'node.exe')].find((file) => existsSync(file)) ?? process.execPath;
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` };
const child = spawn(node, [join(root, script), ...args], { cwd: process.cwd(), stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal) process.removeAllListeners(signal);
  if (signal) process.kill(process.pid, signal);
  else process.exit(code ?? 1);
});
