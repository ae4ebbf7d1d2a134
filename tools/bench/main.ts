// `npm run bench -- NAME [arguments]`: runs tools/bench/NAME/main.ts on the sources. Each benchmark closes with one line,
// `NAME: p50=… ms …`.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const script = (name: string): string => join(import.meta.dirname, name, 'main.ts');
const names = readdirSync(import.meta.dirname).filter((name) => existsSync(script(name)));
const [name, ...args] = process.argv.slice(2);

if (name === undefined || !names.includes(name)) {
  process.stderr.write(`usage: npm run bench -- NAME [arguments]; one of: ${names.join(', ')}\n`);
  process.exit(2);
}
const child = spawn(process.execPath, ['--conditions=keelson-source', script(name), ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
