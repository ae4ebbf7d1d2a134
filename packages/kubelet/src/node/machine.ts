import { mkdirSync, readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import type { NodeSystemInfo } from '@keelson/api/core/v1';

export const KUBELET_VERSION = 'v1.36.0';

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', ia32: '386', arm: 'arm' };

export function architecture(): string {
  return ARCHITECTURES[process.arch] ?? process.arch;
}

/** What the machine has, with the file system that volumes are on. Pods' own count is added by the caller. */
export function machineCapacity(rootDir: string): Record<string, string> {
  return {
    cpu: String(os.availableParallelism()),
    memory: `${Math.floor(os.totalmem() / 1024)}Ki`,
    ...diskCapacity(rootDir),
  };
}

function diskCapacity(path: string): Record<string, string> {
  try {
    mkdirSync(path, { recursive: true });
    const { blocks, bsize } = statfsSync(path);
    return { 'ephemeral-storage': `${Math.floor((blocks * bsize) / 1024)}Ki` };
  } catch {
    return {}; // Pods will tell why their volumes cannot be made.
  }
}

/** Of the machine itself; the runtime's version is left to be filled in. Reads files: to be asked once. */
export function systemInfo(): NodeSystemInfo {
  return {
    architecture: architecture(),
    bootID: firstLine('/proc/sys/kernel/random/boot_id'),
    containerRuntimeVersion: '',
    kernelVersion: os.release(),
    kubeProxyVersion: '',
    kubeletVersion: KUBELET_VERSION,
    machineID: firstLine('/etc/machine-id'),
    operatingSystem: process.platform === 'win32' ? 'windows' : process.platform,
    osImage: osImage(),
    systemUUID: firstLine('/sys/class/dmi/id/product_uuid') || firstLine('/etc/machine-id'),
  };
}

function firstLine(path: string): string {
  try {
    return readFileSync(path, 'utf8').split('\n')[0]?.trim() ?? '';
  } catch {
    return '';
  }
}

function osImage(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? os.type();
  } catch {
    return os.type();
  }
}
