import type { ContainerConfig, ContainerRuntime, SandboxConfig, SandboxStatus } from '@keelson/runtime';
import { BUSYBOX } from './private-engine.ts';

const NODE_LABEL = 'io.keelson.node';
/** Of this process alone: others may use the same engine. */
export const NODE = `node-${process.pid}`;
let made = 0;

export function sandboxConfig(more: Partial<SandboxConfig> = {}): SandboxConfig {
  made += 1;
  const uid = `docker-${process.pid}-${made}`;
  return {
    pod: { uid, name: `pod-${made}`, namespace: 'test' },
    attempt: 0,
    hostname: `pod-${made}`,
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    shareProcessNamespace: false,
    dns: { servers: [], searches: [], options: [] },
    portMappings: [],
    sysctls: {},
    cgroupParent: `kubepods/besteffort/pod${uid}`,
    labels: { [NODE_LABEL]: NODE },
    annotations: {},
    runtimeHandler: '',
    ...more,
  };
}

export function containerConfig(script: string, more: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    name: 'main',
    attempt: 0,
    image: BUSYBOX,
    command: ['sh', '-c', script],
    args: [],
    workingDir: '',
    env: [],
    mounts: [],
    resources: {},
    security: {
      user: '',
      supplementalGroups: [],
      privileged: false,
      readOnlyRootFilesystem: false,
      noNewPrivileges: false,
      addCapabilities: [],
      dropCapabilities: [],
      seccompProfile: 'Unconfined',
    },
    stdin: false,
    stdinOnce: false,
    tty: false,
    labels: { [NODE_LABEL]: NODE },
    annotations: {},
    ...more,
  };
}

export interface RunOptions {
  /** Where to run it, next to others; in a pod of its own if absent, which takes much longer. */
  readonly in?: SandboxStatus;
  readonly sandbox?: Partial<SandboxConfig>;
  readonly container?: Partial<ContainerConfig>;
  /** Changes to the usual, unprivileged security. */
  readonly security?: Partial<ContainerConfig['security']>;
}

/** A container that runs a script. */
export async function runScript(runtime: ContainerRuntime, script: string, options: RunOptions = {}) {
  const sandbox = options.in ?? (await runtime.runSandbox(sandboxConfig(options.sandbox)));
  const config = containerConfig(script, { name: `main-${(made += 1)}`, ...options.container });
  const id = await runtime.createContainer(sandbox.id, { ...config, security: { ...config.security, ...options.security } });
  await runtime.startContainer(id);
  return { sandbox, id };
}

export const FOREVER = "trap 'exit 0' TERM; while true; do sleep 0.05; done";

/** What a command prints in a container. */
export async function outputOf(runtime: ContainerRuntime, id: string, ...command: readonly string[]): Promise<string> {
  const { stdout } = await runtime.execSync(id, command, 60_000);
  return Buffer.from(stdout).toString().trimEnd();
}
