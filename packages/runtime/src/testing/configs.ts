import type { ContainerConfig, ContainerRuntime, SandboxConfig } from '../container-runtime.ts';

/** A script that runs until it is told to stop. */
export const FOREVER = "trap 'exit 0' TERM; sleep 3600 & wait";

/**
 * Uses more memory than there is, and ends with 137. The kernel kills a child, and the container ends a second later: engines hear of the kill by a
 * watch on its cgroup (version 1), and never if that is gone by the time they look.
 */
export const HUNGRY = "sh -c 'x=a; while true; do x=$x$x; done'; code=$?; sleep 1; exit $code";

const EXEC_MS = 60_000;

/** A pod with nothing special about it. `uid` has to be its own; it is called that, too. */
export function sandboxConfig(uid: string, more: Partial<SandboxConfig> = {}): SandboxConfig {
  return {
    pod: { uid, name: uid, namespace: 'test' },
    attempt: 0,
    hostname: uid,
    hostNetwork: false,
    hostPid: false,
    hostIpc: false,
    shareProcessNamespace: false,
    dns: { servers: [], searches: [], options: [] },
    portMappings: [],
    sysctls: {},
    cgroupParent: `kubepods/besteffort/pod${uid}`,
    labels: {},
    annotations: {},
    runtimeHandler: '',
    ...more,
  };
}

/** What a container of a test changes about a plain one. */
export type ContainerChanges = Partial<Omit<ContainerConfig, 'security'>> & {
  readonly security?: Partial<ContainerConfig['security']>;
};

/** A container `main` with nothing special about it: it runs what the image says, as its user, without privileges. */
export function containerConfig(image: string, { security, ...more }: ContainerChanges = {}): ContainerConfig {
  return {
    name: 'main',
    attempt: 0,
    image,
    command: [],
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
      ...security,
    },
    stdin: false,
    stdinOnce: false,
    tty: false,
    labels: {},
    annotations: {},
    ...more,
  };
}

/** What a command prints in a container. */
export async function outputOf(runtime: ContainerRuntime, id: string, ...command: readonly string[]): Promise<string> {
  const { stdout } = await runtime.execSync(id, command, EXEC_MS);
  return Buffer.from(stdout).toString().trimEnd();
}

/** How a command ends in a container. */
export async function exitCodeOf(runtime: ContainerRuntime, id: string, ...command: readonly string[]): Promise<number> {
  return (await runtime.execSync(id, command, EXEC_MS)).exitCode;
}
