import { cgroupParentFor, type ContainerConfig, type ContainerResources, type SandboxConfig } from '@keelson/runtime';
import type { Sent } from '@keelson/grpc';
import {
  NAMESPACE,
  PROPAGATION,
  PROTOCOL,
  SECURITY_PROFILE,
  type ContainerConfig as CriContainerConfig,
  type LinuxResources,
  type PodSandboxConfig,
} from './api/parts.ts';
import { signalNumber } from './api/signals.ts';
import { annotationsOf, labelsOf, type ContainerRecord, type SandboxRecord } from './record.ts';

/** What a node decides for all of its pods. */
export interface NodeSettings {
  readonly cluster: string;
  readonly cgroupRoot: string;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  /** Where the logs of pods are. */
  readonly logRoot: string;
}

type Texts = Readonly<Record<string, string>>;

/** What is hidden from containers that are not privileged, and what they may only read. */
const MASKED_PATHS =
  '/proc/asound /proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap'.split(
    ' ',
  );
const READONLY_PATHS = '/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger'.split(' ');

/** Where a pod's logs are: as on every Kubernetes node. */
export function logDirectory(logRoot: string, { pod }: Pick<SandboxRecord, 'pod'>): string {
  return `${logRoot}/${pod.namespace}_${pod.name}_${pod.uid}`;
}

/** Pure: a sandbox as the CRI has it. It is sent again with each container. */
export function sandboxSpec(
  config: SandboxRecord & { readonly labels: Texts; readonly annotations: Texts },
  node: NodeSettings,
): Sent<typeof PodSandboxConfig> {
  const { labels, annotations, ...record } = config;
  const { pod, attempt, hostname, hostNetwork, dns, portMappings, sysctls } = config;
  return {
    metadata: { ...pod, attempt },
    // With the host's network goes the host's name.
    hostname: hostNetwork ? '' : hostname,
    logDirectory: logDirectory(node.logRoot, config),
    dnsConfig: dns,
    portMappings: portMappings.map(({ protocol, containerPort, hostPort, hostIp = '' }) => ({
      protocol: PROTOCOL[protocol],
      containerPort,
      hostPort,
      hostIp,
    })),
    labels: labelsOf(pod, node.cluster, labels),
    annotations: annotationsOf(record, annotations),
    linux: {
      cgroupParent: cgroupParentOf(config, node),
      sysctls,
      securityContext: {
        namespaceOptions: namespacesOf(config),
        readonlyRootfs: true,
        // Else no container in it may be: it says nothing of the containers themselves.
        privileged: true,
        seccomp: { profileType: SECURITY_PROFILE.runtimeDefault },
      },
    },
  };
}

export function cgroupParentOf(
  { cgroupParent }: Pick<SandboxConfig, 'cgroupParent'>,
  { cgroupDriver, cgroupRoot }: NodeSettings,
): string {
  return cgroupParentFor(cgroupDriver, cgroupRoot, cgroupParent);
}

/** Pure: a container as the CRI has it. */
export function containerSpec(
  config: ContainerConfig,
  sandbox: SandboxRecord,
  sandboxId: string,
  node: NodeSettings,
): Sent<typeof CriContainerConfig> {
  const { name, attempt, image, command, args, workingDir, env, mounts, resources, stdin, stdinOnce, tty } = config;
  const { pod } = sandbox;
  const record: ContainerRecord = { pod, sandboxId, image, tty, stdin };
  return {
    metadata: { name, attempt },
    image: { image },
    command,
    args,
    workingDir,
    envs: env.map((variable) => ({ key: variable.name, value: Buffer.from(variable.value) })),
    mounts: mounts.map(({ hostPath, containerPath, image: mounted, readOnly, propagation = 'private' }) => ({
      hostPath,
      containerPath,
      readonly: readOnly,
      propagation: PROPAGATION[propagation],
      ...(mounted && { image: { image: mounted.id }, imageSubPath: mounted.subPath }),
    })),
    labels: labelsOf(pod, node.cluster, config.labels),
    annotations: annotationsOf(record, config.annotations),
    logPath: `${name}/${attempt}.log`,
    stdin,
    stdinOnce,
    tty,
    linux: { resources: resourcesSpec(resources), securityContext: securitySpec(config, sandbox) },
    stopSignal: signalNumber(config.stopSignal),
  };
}

export function resourcesSpec(resources: ContainerResources): Sent<typeof LinuxResources> {
  const { cpuPeriodUs, cpuQuotaUs, cpuShares, memoryLimitBytes, oomScoreAdj } = resources;
  return {
    cpuPeriod: cpuPeriodUs,
    cpuQuota: cpuQuotaUs,
    cpuShares,
    memoryLimitInBytes: memoryLimitBytes,
    oomScoreAdj,
  };
}

function namespacesOf({ hostNetwork, hostPid, hostIpc, shareProcessNamespace }: SandboxRecord) {
  return {
    network: hostNetwork ? NAMESPACE.node : NAMESPACE.pod,
    pid: hostPid ? NAMESPACE.node : shareProcessNamespace ? NAMESPACE.pod : NAMESPACE.container,
    ipc: hostIpc ? NAMESPACE.node : NAMESPACE.pod,
  };
}

function securitySpec({ security, targetContainerId: targetId }: ContainerConfig, sandbox: SandboxRecord) {
  const { privileged, addCapabilities, dropCapabilities, seccompProfile, supplementalGroups } = security;
  return {
    ...userSpec(security.user),
    privileged,
    capabilities: { add: addCapabilities, drop: dropCapabilities },
    namespaceOptions: { ...namespacesOf(sandbox), ...(targetId !== undefined && { pid: NAMESPACE.target, targetId }) },
    readonlyRootfs: security.readOnlyRootFilesystem,
    supplementalGroups,
    noNewPrivs: security.noNewPrivileges,
    maskedPaths: privileged ? [] : MASKED_PATHS,
    readonlyPaths: privileged ? [] : READONLY_PATHS,
    seccomp: seccompSpec(seccompProfile),
    ...(security.appArmorProfile !== undefined && { apparmor: appArmorSpec(security.appArmorProfile) }),
  };
}

function userSpec(user: string) {
  const [name = '', group] = user.split(':');
  const runAsGroup = group !== undefined && { runAsGroup: { value: Number(group) } };
  if (name === '') return {};
  return /^\d+$/.test(name) ? { runAsUser: { value: Number(name) }, ...runAsGroup } : { runAsUsername: name, ...runAsGroup };
}

function appArmorSpec(profile: string) {
  if (profile === 'RuntimeDefault') return { profileType: SECURITY_PROFILE.runtimeDefault };
  if (profile === 'Unconfined') return { profileType: SECURITY_PROFILE.unconfined };
  return { profileType: SECURITY_PROFILE.localhost, localhostRef: profile };
}

function seccompSpec(profile: string) {
  if (profile.startsWith('/')) return { profileType: SECURITY_PROFILE.localhost, localhostRef: profile };
  return { profileType: profile === 'RuntimeDefault' ? SECURITY_PROFILE.runtimeDefault : SECURITY_PROFILE.unconfined };
}
