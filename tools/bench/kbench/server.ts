import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterConfig, loadKubeconfig } from '@keelson/client';
import { NodeChild } from '../measure/child.ts';

const root = join(import.meta.dirname, '../../..');

/** The server under test. */
export interface Server extends AsyncDisposable {
  readonly config: ClusterConfig;
  /** Processes whose CPU time and memory are the server's; none if they are not known. */
  readonly pids: readonly number[];
  readonly inspectorUrl: string | undefined;
}

export interface ServerOptions {
  /** A whole cluster, with controllers and a scheduler; otherwise an API server by itself. */
  readonly isCluster: boolean;
  readonly inspect: boolean;
  /** Of `keelson up`, beside its data's. */
  readonly clusterOptions?: readonly string[];
}

/** Starts a server on the sources, with an empty LMDB store on the disk of the working directory. */
export async function startServer({ isCluster, inspect, clusterOptions = [] }: ServerOptions): Promise<Server> {
  // Not the system's directory for temporary files: that is memory on many machines.
  const directory = mkdtempSync(join(process.cwd(), '.bench-kbench-'));
  const data = join(directory, 'data');
  mkdirSync(data);
  const kubeconfig = join(directory, 'kubeconfig');
  const args = isCluster ? [...clusterArgs(data, kubeconfig), ...clusterOptions] : apiServerArgs(data, kubeconfig);
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const child = await NodeChild.start({ args, inspect, ready: /^ready / });
    const dispose = async (): Promise<void> => {
      await child[Symbol.asyncDispose]();
      remove();
    };
    const config = loadKubeconfig(kubeconfig);
    return { config, pids: [child.pid], inspectorUrl: child.inspectorUrl, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    remove();
    throw error;
  }
}

function apiServerArgs(data: string, kubeconfig: string): string[] {
  return [join(root, 'packages/api-server/bench/serve.ts'), '--kubeconfig', kubeconfig, '--data', data];
}

function clusterArgs(data: string, kubeconfig: string): string[] {
  const options = ['--runtime', 'sim', '--store', 'lmdb', '--port', '0', '--data-dir', data, '--kubeconfig', kubeconfig];
  return [join(root, 'apps/keelson/src/main.ts'), 'up', ...options];
}
