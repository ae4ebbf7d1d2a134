import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@keelson/base';
import { CniNetwork, type CniNetworkOptions } from '../cni-network.ts';

/** What a plugin was run with. */
export interface SeenCall {
  readonly plugin: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Plugins that are shell scripts: each notes down how it is called (at one stroke: others run at the same time), and then does what the
 * test says. No root, no network.
 */
export class ScriptedPlugins implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'keelson-plugins-'));
  /** Stands for a network namespace. */
  readonly namespacePath = join(this.directory, 'namespace');

  constructor() {
    for (const name of ['bin', 'net.d']) mkdirSync(join(this.directory, name));
    writeFileSync(this.namespacePath, '');
    this.plugin('loopback', 'echo "{}"');
  }

  /** `script` sees the environment that plugins have; what it prints is the answer. */
  plugin(name: string, script: string): void {
    const calls = join(this.directory, 'calls');
    const text = `#!/bin/sh
input=$(cat)
env | grep ^CNI_ | sed "s/^/${name} /" | tr '\\n' '\\t' > ${calls}.$$
printf '%s\\n' "$input" | tr -d '\\n' >> ${calls}.$$
printf '%s\\n' "$(cat ${calls}.$$)" >> ${calls}
rm ${calls}.$$
${script}
`;
    writeFileSync(join(this.directory, 'bin', name), text, { mode: 0o755 });
  }

  config(config: unknown, file = '10-test.conflist'): void {
    writeFileSync(join(this.directory, 'net.d', file), JSON.stringify(config));
  }

  network(more: Partial<CniNetworkOptions> = {}): CniNetwork {
    return new CniNetwork({
      clock: new SystemClock(),
      stateDir: join(this.directory, 'state'),
      configDir: join(this.directory, 'net.d'),
      pluginDirs: [join(this.directory, 'nothing'), join(this.directory, 'bin')],
      ...more,
    });
  }

  /** All calls but those for the loopback interface. */
  calls(): readonly SeenCall[] {
    const lines = readFileSync(join(this.directory, 'calls'), 'utf8').split('\n');
    return lines.filter((line) => line !== '' && !line.startsWith('loopback')).map(parseCall);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function parseCall(line: string): SeenCall {
  const parts = line.split('\t');
  const [plugin = ''] = (parts[0] ?? '').split(' ');
  const env = parts.slice(0, -1).map((part) => part.slice(plugin.length + 1).split(/=(.*)/, 2));
  return { plugin, env: Object.fromEntries(env), config: JSON.parse(parts.at(-1) ?? '{}') };
}
