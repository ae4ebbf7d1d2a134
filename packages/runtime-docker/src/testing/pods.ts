import type { ContainerConfig, ContainerRuntime, SandboxConfig, SandboxStatus } from '@keelson/runtime';
import * as plain from '@keelson/runtime/testing';
import { BUSYBOX } from './private-engine.ts';

const NODE_LABEL = 'io.keelson.node';
/** Of this process alone: others may use the same engine. */
export const NODE = `node-${process.pid}`;
const labels = { [NODE_LABEL]: NODE };
let made = 0;

/** A port of this machine for this process: out of those that neither lab etcds nor connections get. */
export function ownPort(): number {
  return 12_000 + (process.pid % 8_000);
}

export function sandboxConfig(more: Partial<SandboxConfig> = {}): SandboxConfig {
  return plain.sandboxConfig(`docker-${process.pid}-${(made += 1)}`, { labels, ...more });
}

/** Of a container that runs a script. */
export function containerConfig(script: string, more: plain.ContainerChanges = {}): ContainerConfig {
  return plain.containerConfig(BUSYBOX, { command: ['sh', '-c', script], labels, ...more });
}

export interface RunOptions {
  /** Where to run it, next to others; in a pod of its own if absent, which takes much longer. */
  readonly in?: SandboxStatus;
  readonly sandbox?: Partial<SandboxConfig>;
  readonly container?: plain.ContainerChanges;
}

/** A container that runs a script. */
export async function runScript(runtime: ContainerRuntime, script: string, options: RunOptions = {}) {
  const sandbox = options.in ?? (await runtime.runSandbox(sandboxConfig(options.sandbox)));
  const config = containerConfig(script, { name: `main-${(made += 1)}`, ...options.container });
  const id = await runtime.createContainer(sandbox.id, config);
  await runtime.startContainer(id);
  return { sandbox, id };
}
