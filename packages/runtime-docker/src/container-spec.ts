import { KeelsonError } from '@keelson/base';
import type { ContainerConfig, ContainerResources, LogLimits, Mount, PodIdentity } from '@keelson/runtime';
import type { ContainerInspect, ContainerSpec, HostConfig } from './engine/engine-types.ts';
import { containerLabels, type PodRecord } from './record.ts';

export interface ContainerSpecInput {
  readonly pod: PodIdentity;
  readonly config: ContainerConfig;
  readonly sandbox: ContainerInspect;
  readonly record: NonNullable<PodRecord['container']>;
  readonly sharesPids: boolean;
  readonly logLimits: LogLimits;
  /** The volumes of the mounts that are images, in their order. */
  readonly imageVolumes: readonly string[];
  readonly lowersOomScore: boolean;
  /** `true`: as Docker does it. A list: the engine can't, and these capabilities are all it has to give. */
  readonly privileges: true | readonly string[];
  /** The text of the seccomp profile that the configuration names, if it names a file. */
  readonly seccompProfile: string | undefined;
}

/** Pure: a container inside a sandbox. */
export function containerSpec(input: ContainerSpecInput): ContainerSpec {
  const { pod, config, record } = input;
  const { command, args, env, security } = config;
  return {
    // The id, so that a tag that moves in the meantime changes nothing.
    Image: config.image,
    Labels: containerLabels(pod, config, record),
    Env: env.map(({ name, value }) => `${name}=${value}`),
    OpenStdin: config.stdin,
    StdinOnce: config.stdinOnce,
    Tty: config.tty,
    // Kubernetes has probes of its own.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: hostConfig(input),
    ...(command.length > 0 && { Entrypoint: command }),
    ...(args.length > 0 && { Cmd: args }),
    ...(config.workingDir !== '' && { WorkingDir: config.workingDir }),
    ...(security.user !== '' && { User: security.user }),
    ...(config.stopSignal !== undefined && { StopSignal: config.stopSignal }),
  };
}

function hostConfig(input: ContainerSpecInput): HostConfig {
  const { config, sandbox, logLimits, lowersOomScore } = input;
  const { NetworkMode, PidMode, IpcMode, UTSMode, CgroupParent } = sandbox.HostConfig;
  const { maxFileBytes, maxFiles } = logLimits;
  const oomScoreAdj = config.resources.oomScoreAdj ?? 0;
  return {
    NetworkMode: `container:${sandbox.Id}`,
    IpcMode: IpcMode === 'host' ? 'host' : `container:${sandbox.Id}`,
    CgroupParent,
    Mounts: mountsOf(input),
    LogConfig: { Type: 'json-file', Config: { 'max-size': String(maxFileBytes), 'max-file': String(maxFiles) } },
    ReadonlyRootfs: config.security.readOnlyRootFilesystem,
    GroupAdd: config.security.supplementalGroups.map(String),
    RestartPolicy: { Name: 'no' },
    OomScoreAdj: lowersOomScore ? oomScoreAdj : Math.max(0, oomScoreAdj),
    ...pidMode(input, PidMode),
    ...(NetworkMode === 'host' && UTSMode === 'host' && { UTSMode: 'host' }),
    ...resourceLimits(config.resources),
    ...privileges(input),
  };
}

function pidMode({ config, sandbox, sharesPids }: ContainerSpecInput, ofSandbox: string): { readonly PidMode?: string } {
  if (ofSandbox === 'host') return { PidMode: 'host' };
  const shared = sharesPids ? sandbox.Id : config.targetContainerId;
  return shared === undefined ? {} : { PidMode: `container:${shared}` };
}

/** `private` is Docker's own choice, save for what holds Docker's files: there it refuses `rprivate`, and chooses `rslave`. */
const PROPAGATION = { private: '', 'host-to-container': 'rslave', bidirectional: 'rshared' } as const;

function mountsOf({ config, imageVolumes }: ContainerSpecInput): readonly object[] {
  const volumes = imageVolumes.values();
  return config.mounts.map((mount) => (mount.image ? volumeMount(mount, volumes.next().value ?? '') : bindMount(mount)));
}

function volumeMount({ containerPath }: Mount, volume: string): object {
  return { Type: 'volume', Source: volume, Target: containerPath, ReadOnly: true, VolumeOptions: { NoCopy: true } };
}

function bindMount({ hostPath, containerPath, readOnly, propagation = 'private' }: Mount): object {
  return {
    Type: 'bind',
    Source: hostPath,
    Target: containerPath,
    ReadOnly: readOnly,
    BindOptions: { Propagation: PROPAGATION[propagation] },
  };
}

/** Docker refuses less. */
const LEAST_MEMORY_BYTES = 6 * 1024 * 1024;

/** Also for `POST /containers/ID/update`. Without swap: a limit that includes it would let a container use twice the memory. */
export function resourceLimits({ cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes = 0 }: ContainerResources): HostConfig {
  const memoryBytes = memoryLimitBytes > 0 ? Math.max(memoryLimitBytes, LEAST_MEMORY_BYTES) : 0;
  return {
    ...(cpuShares !== undefined && { CpuShares: cpuShares }),
    ...(cpuQuotaUs !== undefined && { CpuQuota: cpuQuotaUs }),
    ...(cpuPeriodUs !== undefined && { CpuPeriod: cpuPeriodUs }),
    ...(memoryBytes > 0 && { Memory: memoryBytes, MemorySwap: memoryBytes }),
  };
}

function privileges({ config, privileges: ability, seccompProfile }: ContainerSpecInput): HostConfig {
  const {
    addCapabilities,
    appArmorProfile,
    dropCapabilities,
    noNewPrivileges,
    privileged,
    seccompProfile: profile,
    unmaskedProc,
  } = config.security;
  const appArmor = appArmorOptions(appArmorProfile);
  if (privileged && ability === true) return { Privileged: true, SecurityOpt: ['seccomp=unconfined', ...appArmor] };
  const seccomp = profile === 'Unconfined' || privileged ? ['seccomp=unconfined'] : [];
  const fromFile = seccompProfile === undefined || privileged ? [] : [`seccomp=${seccompProfile}`];
  const options = [...seccomp, ...fromFile, ...(noNewPrivileges ? ['no-new-privileges'] : [])];
  if (privileged && ability !== true) {
    const all = { CapAdd: ability, MaskedPaths: [], ReadonlyPaths: [], DeviceCgroupRules: ['a *:* rwm'] };
    return { ...all, SecurityOpt: [...options, ...(appArmor.length > 0 ? appArmor : ['apparmor=unconfined'])] };
  }
  const added = addCapabilities.flatMap((name) => (name === 'ALL' && ability !== true ? ability : [name]));
  const proc = unmaskedProc ? { MaskedPaths: [], ReadonlyPaths: [] } : {};
  return { CapAdd: added, CapDrop: dropCapabilities, SecurityOpt: [...options, ...appArmor], ...proc };
}

/** Docker's own profile is what it takes where nothing is said. */
function appArmorOptions(profile: string | undefined): readonly string[] {
  if (profile === undefined || profile === 'RuntimeDefault') return [];
  return [`apparmor=${profile === 'Unconfined' ? 'unconfined' : profile}`];
}

/** Refuses what no engine knows. */
export function checkSeccomp(profile: string): void {
  if (profile === 'RuntimeDefault' || profile === 'Unconfined' || profile.startsWith('/')) return;
  throw new KeelsonError('BadRequest', `"${profile}" is no seccomp profile: RuntimeDefault, Unconfined or an absolute path is`);
}
