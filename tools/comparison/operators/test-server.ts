// What tests of operators that bring no API server of their own run on: `keelson test-server`, as any program starts it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface TestServer {
  /** A file. */
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

export const CRD = readFileSync(join(import.meta.dirname, 'greeting.crd.yaml'), 'utf8');
const KEELSON = join(import.meta.dirname, '../../../apps/keelson/src/main.ts');

export async function startTestServer(): Promise<TestServer> {
  const args = [
    '--conditions=keelson-source',
    KEELSON,
    'test-server',
    '--nodes',
    '0',
    '--controllers',
    'garbage-collector-controller',
  ];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const [, kubeconfig = ''] = /kubeconfig=(.+)$/.exec(line) ?? [];
  const stop = async (): Promise<void> => {
    const ended = once(child, 'exit');
    child.stdin.end();
    await ended;
  };
  return { kubeconfig, stop };
}
