import type { Duplex, Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import type { PodNetworkStatus } from './pod-network.ts';

/** Which pod a sandbox or container belongs to. Survives in the runtime's own labels, so that a restarted kubelet finds its pods again. */
export interface PodIdentity {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIp?: string;
}

/** What owns a pod's network, IPC and (if shared) PID namespace. */
export interface SandboxConfig {
  readonly pod: PodIdentity;
  /** Grows each time the pod's sandbox has to be made anew. */
  readonly attempt: number;
  readonly hostname: string;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  readonly shareProcessNamespace: boolean;
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly portMappings: readonly PortMapping[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** Path under the runtime's cgroup root, such as `kubepods/burstable/pod<uid>`. */
  readonly cgroupParent: string;
  /** Of the pod as a whole, for that cgroup, where the runtime can set them. */
  readonly resources?: ContainerResources;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Of the pod's RuntimeClass; empty for none. */
  readonly runtimeHandler: string;
}

export interface SandboxStatus {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly state: 'ready' | 'not-ready';
  readonly createdAtMs: number;
  /** Empty for host network, and while there is none. */
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Narrows a list to one pod. */
export interface PodFilter {
  readonly podUid: string;
}

/** Files of an image, from a directory in it on. */
export interface MountedImage {
  /** An id that `images` knows. */
  readonly id: string;
  /** Without a slash before it; empty for all of it. */
  readonly subPath: string;
}

export interface Mount {
  /** Empty if an image is mounted. */
  readonly hostPath: string;
  /** Always read only. Only where `RuntimeInfo.imageVolumes` says that it can be. */
  readonly image?: MountedImage;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly propagation?: 'private' | 'host-to-container' | 'bidirectional';
}

/** All limits are optional; absent means none. CPU as Linux's CFS has it. */
export interface ContainerResources {
  readonly cpuShares?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs?: number;
  readonly memoryLimitBytes?: number;
  readonly oomScoreAdj?: number;
}

export interface ContainerSecurity {
  /** `uid`, `uid:gid` or a user name; empty for the image's own. */
  readonly user: string;
  readonly supplementalGroups: readonly number[];
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly noNewPrivileges: boolean;
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  /** `RuntimeDefault`, `Unconfined` or a path. */
  readonly seccompProfile: string;
  /** `RuntimeDefault`, `Unconfined`, or the name of one that the machine's kernel has. Absent: the runtime's own choice. */
  readonly appArmorProfile?: string;
  /** All of `/proc` can be seen and written. Absent: what is dangerous in it is masked. */
  readonly unmaskedProc?: boolean;
}

export interface ContainerConfig {
  readonly name: string;
  /** How many containers of this name the pod had before: the restart count. */
  readonly attempt: number;
  /** An id or reference that `images` knows. */
  readonly image: string;
  /** Replaces the image's entrypoint; empty keeps it. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly resources: ContainerResources;
  readonly security: ContainerSecurity;
  /**
   * It is meant to end: an init container, one of a Job, or a command of a pod that is not always restarted. Programs know that by themselves;
   * for a runtime that has no programs.
   */
  readonly isTask?: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly stopSignal?: string;
  /** A container of the same pod whose processes it sees, instead of only its own. */
  readonly targetContainerId?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

export interface ContainerStatus {
  readonly id: string;
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  readonly attempt: number;
  readonly state: ContainerState;
  readonly image: string;
  readonly imageId: string;
  readonly createdAtMs: number;
  /** 0 if it never started. */
  readonly startedAtMs: number;
  /** 0 while it has not ended. */
  readonly finishedAtMs: number;
  readonly exitCode: number;
  /** Set for the cases that kubelets report: `OOMKilled`, `Error`, `Completed`, `StartError`, `ContainerCannotRun`. */
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ImageStatus {
  /** `sha256:...` of the configuration. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** The user the image runs as, `''` for root. */
  readonly user: string;
  /** The runtime itself needs it: never to be removed. */
  readonly pinned?: boolean;
}

export interface PullCredentials {
  readonly username: string;
  readonly password: string;
  readonly serverAddress: string;
}

export interface Images {
  /** `undefined` if the image is not on this node. */
  find(reference: string, signal?: AbortSignal): Promise<ImageStatus | undefined>;
  list(signal?: AbortSignal): Promise<readonly ImageStatus[]>;
  /** Rejects with `NotFound`, `Forbidden` or `ServiceUnavailable`, and the registry's words. */
  pull(reference: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<ImageStatus>;
  remove(reference: string, signal?: AbortSignal): Promise<void>;
  /** A directory of the file system that they take up, by its path on the runtime's machine. Absent where nobody can tell. */
  directory?(signal?: AbortSignal): Promise<string | undefined>;
}

/** Something changed with a container or sandbox; look at its status. Delivered at least once after the change. */
export interface RuntimeEvent {
  readonly type: 'container-started' | 'container-stopped' | 'container-deleted' | 'sandbox-stopped' | 'resync';
  /** Absent for `resync`, which says that events may have been missed: look at everything. */
  readonly podUid?: string;
  readonly containerId?: string;
}

/** How much of a container's log is kept. */
export interface LogLimits {
  readonly maxFileBytes: number;
  /** With the one that is written to. */
  readonly maxFiles: number;
}

/** A process with its streams. With a tty there is no `stderr`, and `resize` works. */
export interface StreamSession {
  readonly stdin: NodeJS.WritableStream | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable | undefined;
  resize(columns: number, rows: number): Promise<void>;
  /** The exit code once the process has ended and its output has been read. Rejects if the connection breaks. */
  readonly exitCode: Promise<number>;
  /** Lets go of the streams. The process of an attach goes on, that of an exec may. */
  close(): void;
}

export interface StreamOptions {
  readonly stdin: boolean;
  readonly tty: boolean;
}

export interface LogOptions {
  readonly follow: boolean;
  /** The last so many lines; all if absent. */
  readonly tailLines?: number;
  readonly sinceMs?: number;
  /** Put the RFC 3339 time with nanoseconds, and a space, before each line. */
  readonly timestamps: boolean;
  /** `both` by default. */
  readonly stream?: 'stdout' | 'stderr' | 'both';
}

export interface ContainerStats {
  readonly containerId: string;
  readonly atMs: number;
  readonly cpuUsageNanoSeconds: number;
  /** What cannot be given back under pressure: usage without file caches that are not in use. */
  readonly memoryWorkingSetBytes: number;
  readonly memoryUsageBytes: number;
  /** Memory that is in no file. Absent, as what follows, where the runtime cannot tell. */
  readonly memoryRssBytes?: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
}

/** What something takes up on a disk. */
export interface DiskUsage {
  readonly usedBytes: number;
  /** Absent where only bytes are known. */
  readonly inodesUsed?: number;
}

/** What a container takes up; what nobody can tell is absent. */
export interface ContainerDiskUsage {
  readonly containerId: string;
  /** What it has written to its own root file system. */
  readonly writableLayer?: DiskUsage;
  /** With those that were put aside. */
  readonly logs?: DiskUsage;
}

/** What an interface has carried since it was made. */
export interface InterfaceUsage {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txErrors: number;
}

/** What the network of a sandbox has carried, by interface, the main one first. */
export interface SandboxNetworkUsage {
  readonly sandboxId: string;
  readonly interfaces: readonly InterfaceUsage[];
}

/** What a whole machine uses, all its containers included. */
export type MachineStats = Omit<ContainerStats, 'containerId'>;

export interface RuntimeInfo {
  /** As in container ids: `docker`, `lxc`, `containerd`, `sim`. */
  readonly name: string;
  readonly version: string;
  /** True if pods get a network of their own, with addresses that other pods and the node reach. */
  readonly podNetwork: boolean;
  /** Whether pods that are not on the host's network can be made now. Absent: always. */
  readonly network?: PodNetworkStatus;
  /** Where pods reach the node, if the runtime knows (a bridge's address). */
  readonly hostAddress?: string;
  /** Whether it can confine containers by AppArmor profiles on this machine. Absent: it never does. */
  readonly appArmor?: boolean;
  /** It can mount images into containers. */
  readonly imageVolumes?: boolean;
  /** It can leave out the groups that an image gives to its user. */
  readonly strictGroups?: boolean;
  /** It gives pods that ask for it a user namespace of their own. Absent: it would run them as the users of the machine. */
  readonly userNamespaces?: boolean;
}

/**
 * Runs pods: a sandbox that owns the namespaces, and containers in it. Shaped after CRI, so that any CRI runtime fits.
 *
 * Every method may be called again after a crash of the caller: creating finds nothing half made under the same pod, name and attempt
 * (an older half is removed first), and stopping or removing what is not there is no error. Where a method names an unknown id it rejects
 * with `NotFound`; a runtime that does not answer is `ServiceUnavailable`. Nothing else restarts a container: that is the kubelet's work.
 */
export interface ContainerRuntime {
  /** Rejects with `ServiceUnavailable` while the runtime cannot be reached. */
  info(signal?: AbortSignal): Promise<RuntimeInfo>;

  /**
   * Out of which ranges this node's pods get their addresses, one for each family. To be told again after a restart; does nothing where
   * somebody else decides on addresses.
   */
  setPodCidrs(podCidrs: readonly string[], signal?: AbortSignal): Promise<void>;

  /** Never errors: an outage shows as a `resync` once it is over. Completes at `close`. */
  readonly events$: Observable<RuntimeEvent>;

  runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus>;
  /** Kills what still runs in it and gives up its network. Idempotent. */
  stopSandbox(id: string, signal?: AbortSignal): Promise<void>;
  /** Removes a stopped sandbox and all its containers. Idempotent. */
  removeSandbox(id: string, signal?: AbortSignal): Promise<void>;
  /** Changes the limits of a pod as a whole. Absent where a runtime has none. */
  updateSandbox?(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void>;
  /** `only` is there to make it cheap: a runtime may leave it out of account and list all. */
  listSandboxes(signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]>;

  createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string>;
  /** Rejects with `BadRequest` if the process cannot be started (no such file, for example); the status then says so too. */
  startContainer(id: string, signal?: AbortSignal): Promise<void>;
  /** Sends the stop signal, waits up to `graceSeconds`, then kills. Resolves when the process is gone. Idempotent. */
  stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void>;
  removeContainer(id: string, signal?: AbortSignal): Promise<void>;
  listContainers(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerStatus[]>;
  containerStatus(id: string, signal?: AbortSignal): Promise<ContainerStatus>;
  updateResources(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void>;

  /** Runs to its end, at most `timeoutMs` (then rejects with `Timeout`); output is cut at 1 MiB. For probes and hooks. */
  execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult>;
  exec(id: string, command: readonly string[], options: StreamOptions, signal?: AbortSignal): Promise<StreamSession>;
  attach(id: string, options: StreamOptions, signal?: AbortSignal): Promise<StreamSession>;
  /** A connection to `port` on the loopback address inside the sandbox. */
  portForward(sandboxId: string, port: number, signal?: AbortSignal): Promise<Duplex>;
  /** Also of containers that have ended, until they are removed. Destroying the stream ends it. */
  logs(id: string, options: LogOptions, signal?: AbortSignal): Promise<Readable>;
  /** Of containers that are made from now on, at least. Absent where nobody else has a say in it. */
  limitLogs?(limits: LogLimits): void;
  /** Of containers that run. */
  stats(signal?: AbortSignal): Promise<readonly ContainerStats[]>;
  /** Of containers that run. Files may have to be looked at one by one: not to be asked often. Absent where nobody can tell. */
  diskUsage?(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerDiskUsage[]>;
  /** Of sandboxes with a network of their own that are ready. Absent where nobody can tell. */
  networkUsage?(signal?: AbortSignal): Promise<readonly SandboxNetworkUsage[]>;
  /** Of the machine that containers run on, if it is not the kubelet's own: one that is simulated, say. */
  machineStats?(signal?: AbortSignal): Promise<MachineStats>;

  readonly images: Images;
  /** Those that pods with this handler use, where they have others. Throws `BadRequest` if nobody has the handler. */
  imagesFor?(handler: string): Images;
  /** Those that are kept apart, by a name that does not change; `''` is the main one. Absent: `images` is all there is. */
  imageStores?(): ReadonlyMap<string, Images>;

  /** Lets go of connections. Containers go on. */
  close(): Promise<void>;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}
