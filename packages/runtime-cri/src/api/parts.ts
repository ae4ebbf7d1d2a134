// Messages of `runtime.v1`, which several others hold. Enumerations are numbers, by the tables at the end.
import {
  bool,
  bytes,
  int32,
  int64,
  list,
  message,
  nested,
  repeated,
  safeInt64,
  string,
  stringMap,
  uint32,
  uint64,
} from '@keelson/grpc';

export const Int64Value = message({ value: safeInt64(1) });
export const UInt64Value = message({ value: uint64(1) });

export const ImageSpec = message({
  image: string(1),
  annotations: stringMap(2),
  userSpecifiedImage: string(18),
  runtimeHandler: string(19),
});

const DnsConfig = message({ servers: list(1, string), searches: list(2, string), options: list(3, string) });
const PortMapping = message({ protocol: int32(1), containerPort: int32(2), hostPort: int32(3), hostIp: string(4) });
const NamespaceOption = message({ network: int32(1), pid: int32(2), ipc: int32(3), targetId: string(4) });
const SecurityProfile = message({ profileType: int32(1), localhostRef: string(2) });
const SandboxSecurity = message({
  namespaceOptions: nested(1, NamespaceOption),
  readonlyRootfs: bool(4),
  privileged: bool(6),
  seccomp: nested(9, SecurityProfile),
});
export const SandboxMetadata = message({ name: string(1), uid: string(2), namespace: string(3), attempt: uint32(4) });

export const PodSandboxConfig = message({
  metadata: nested(1, SandboxMetadata),
  hostname: string(2),
  logDirectory: string(3),
  dnsConfig: nested(4, DnsConfig),
  portMappings: repeated(5, PortMapping),
  labels: stringMap(6),
  annotations: stringMap(7),
  linux: nested(8, message({ cgroupParent: string(1), securityContext: nested(2, SandboxSecurity), sysctls: stringMap(3) })),
});

const Mount = message({
  containerPath: string(1),
  hostPath: string(2),
  readonly: bool(3),
  propagation: int32(5),
  image: nested(9, ImageSpec),
  imageSubPath: string(10),
});
export const LinuxResources = message({
  cpuPeriod: safeInt64(1),
  cpuQuota: safeInt64(2),
  cpuShares: safeInt64(3),
  memoryLimitInBytes: safeInt64(4),
  oomScoreAdj: safeInt64(5),
});
const Capabilities = message({ add: list(1, string), drop: list(2, string) });
const ContainerSecurity = message({
  capabilities: nested(1, Capabilities),
  privileged: bool(2),
  namespaceOptions: nested(3, NamespaceOption),
  runAsUser: nested(5, Int64Value),
  runAsUsername: string(6),
  readonlyRootfs: bool(7),
  supplementalGroups: list(8, safeInt64),
  noNewPrivs: bool(11),
  runAsGroup: nested(12, Int64Value),
  maskedPaths: list(13, string),
  readonlyPaths: list(14, string),
  seccomp: nested(15, SecurityProfile),
  apparmor: nested(16, SecurityProfile),
});
export const ContainerMetadata = message({ name: string(1), attempt: uint32(2) });

export const ContainerConfig = message({
  metadata: nested(1, ContainerMetadata),
  image: nested(2, ImageSpec),
  command: list(3, string),
  args: list(4, string),
  workingDir: string(5),
  envs: repeated(6, message({ key: string(1), value: bytes(2) })),
  mounts: repeated(7, Mount),
  labels: stringMap(9),
  annotations: stringMap(10),
  logPath: string(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: nested(15, message({ resources: nested(1, LinuxResources), securityContext: nested(2, ContainerSecurity) })),
  stopSignal: int32(18),
});

export const SandboxStatus = message({
  id: string(1),
  metadata: nested(2, SandboxMetadata),
  state: int32(3),
  createdAt: int64(4),
  network: nested(5, message({ ip: string(1), additionalIps: repeated(2, message({ ip: string(1) })) })),
  labels: stringMap(7),
  annotations: stringMap(8),
});
export const ListedSandbox = message({
  id: string(1),
  metadata: nested(2, SandboxMetadata),
  state: int32(3),
  labels: stringMap(5),
});

export const ContainerStatus = message({
  id: string(1),
  metadata: nested(2, ContainerMetadata),
  state: int32(3),
  createdAt: int64(4),
  startedAt: int64(5),
  finishedAt: int64(6),
  exitCode: int32(7),
  image: nested(8, ImageSpec),
  imageRef: string(9),
  reason: string(10),
  message: string(11),
  labels: stringMap(12),
  annotations: stringMap(13),
  logPath: string(15),
});
export const ListedContainer = message({
  id: string(1),
  sandboxId: string(2),
  metadata: nested(3, ContainerMetadata),
  state: int32(6),
  labels: stringMap(8),
});

export const Image = message({
  id: string(1),
  repoTags: list(2, string),
  repoDigests: list(3, string),
  size: uint64(4),
  uid: nested(5, Int64Value),
  username: string(6),
  pinned: bool(8),
});
export const FilesystemUsage = message({
  fsId: nested(2, message({ mountpoint: string(1) })),
  usedBytes: nested(3, UInt64Value),
  inodesUsed: nested(4, UInt64Value),
});

const CpuUsage = message({ timestamp: int64(1), usageCoreNanoSeconds: nested(2, UInt64Value) });
const MemoryUsage = message({
  timestamp: int64(1),
  workingSetBytes: nested(2, UInt64Value),
  usageBytes: nested(4, UInt64Value),
  rssBytes: nested(5, UInt64Value),
  pageFaults: nested(6, UInt64Value),
  majorPageFaults: nested(7, UInt64Value),
});
export const ContainerStats = message({
  attributes: nested(1, message({ id: string(1), labels: stringMap(3) })),
  cpu: nested(2, CpuUsage),
  memory: nested(3, MemoryUsage),
  writableLayer: nested(4, FilesystemUsage),
});
export const InterfaceUsage = message({
  name: string(1),
  rxBytes: nested(2, UInt64Value),
  rxErrors: nested(3, UInt64Value),
  txBytes: nested(4, UInt64Value),
  txErrors: nested(5, UInt64Value),
});
const NetworkUsage = message({ defaultInterface: nested(2, InterfaceUsage), interfaces: repeated(3, InterfaceUsage) });
export const SandboxStats = message({
  attributes: nested(1, message({ id: string(1) })),
  linux: nested(2, message({ network: nested(3, NetworkUsage) })),
});

export const PROTOCOL = { TCP: 0, UDP: 1, SCTP: 2 } as const;
export const NAMESPACE = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const PROPAGATION = { private: 0, 'host-to-container': 1, bidirectional: 2 } as const;
export const SECURITY_PROFILE = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;
export const SANDBOX_READY = 0;
/** Container states by their numbers. */
export const CONTAINER_STATES = ['created', 'running', 'exited', 'unknown'] as const;
