import type { ContainerConfig, SandboxConfig } from '@keelson/runtime';
import * as plain from '@keelson/runtime/testing';
import { BUSYBOX } from './private-containerd.ts';

let made = 0;

export function sandboxConfig(more: Partial<SandboxConfig> = {}): SandboxConfig {
  return plain.sandboxConfig(`cri-${process.pid}-${(made += 1)}`, more);
}

/** Of a container that runs a script. */
export function containerConfig(script: string, { security, ...more }: plain.ContainerChanges = {}): ContainerConfig {
  const command = ['sh', '-c', script];
  return plain.containerConfig(BUSYBOX, { command, security: { seccompProfile: 'RuntimeDefault', ...security }, ...more });
}
