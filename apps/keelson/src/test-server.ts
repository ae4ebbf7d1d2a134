import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startCluster } from '@keelson/testing';

export interface TestServerOptions {
  readonly nodes: number;
  /** As `TestClusterOptions.controllers`; empty for none. */
  readonly controllers: readonly string[];
  /** Where the kubeconfig is written. In a directory for temporary files if absent. */
  readonly kubeconfig?: string;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * A cluster in memory for the tests of a program in any language, which starts this one as its child: it lives until a signal comes, or until
 * its standard input ends, as it does with the parent. Resolves to the exit code.
 */
export async function testServer({ nodes, controllers, kubeconfig }: TestServerOptions): Promise<number> {
  const ended = new Promise<void>((done) => {
    for (const signal of SIGNALS) process.once(signal, () => done());
    process.stdin.once('end', () => done()).resume();
  });
  const directory = await mkdtemp(join(tmpdir(), 'keelson-test-server-'));
  try {
    await using cluster = await startCluster({
      http: true,
      nodes,
      controllers: controllers.length > 0 && controllers,
      scheduler: nodes > 0,
    });
    const file = kubeconfig === undefined ? join(directory, 'kubeconfig') : resolve(kubeconfig);
    await writeFile(file, cluster.kubeconfig(), { mode: 0o600 });
    process.stdout.write(`ready ${cluster.url} kubeconfig=${file}\n`);
    await ended;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return 0;
}
