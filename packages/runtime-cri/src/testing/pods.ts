import type { ContainerConfig, SandboxConfig } from '@keelson/runtime';
import { BUSYBOX } from './private-containerd.ts';

let made = 0;

export function sandboxConfig(more: Partial<SandboxConfig> = {}): SandboxConfig {
  made += 1;
  const uid = `cri-${process.pid}-${made}`;
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
    labels: {},
    annotations: {},
    runtimeHandler: '',
    ...more,
  };
}

type Security = ContainerConfig['security'];

export function containerConfig(
  script: string,
  more: Partial<ContainerConfig> = {},
  security: Partial<Security> = {},
): ContainerConfig {
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
      seccompProfile: 'RuntimeDefault',
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
