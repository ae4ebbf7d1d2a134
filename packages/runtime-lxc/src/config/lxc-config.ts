import type { ContainerConfig, SandboxConfig } from '@keelson/runtime';
import type { PlacedMount } from './mounts.ts';
import { settingsOf } from './resources.ts';

/** Where the shim is inside a container: it becomes the process, and so is there for a moment only. */
export const INIT_PATH = '/dev/.keelson-init';

export interface LxcConfigInput {
  readonly config: ContainerConfig;
  readonly sandbox: SandboxConfig;
  /** What holds the pod's namespaces. */
  readonly sandboxPid: number;
  /** Of the container whose processes it sees, if there is one. */
  readonly targetPid: number | undefined;
  readonly tree: string;
  readonly upper: string;
  readonly mounts: readonly PlacedMount[];
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly capabilities: readonly string[];
  /** A file in LXC's format, if there is a profile. */
  readonly seccompFile: string | undefined;
  readonly cgroup: { readonly version: 1 | 2; readonly container: string; readonly monitor: string };
  readonly oomScoreAdj: number;
  readonly shim: string;
  /** Made if the kernel's OOM killer was there. */
  readonly oomMark: string;
}

/** Pure: a container as LXC is to make it. */
export function lxcConfig(input: LxcConfigInput): string {
  const { config, tree, upper, oomScoreAdj } = input;
  const { security } = config;
  const lines: readonly (readonly [string, string | number])[] = [
    ['rootfs.path', `overlay:${tree}:${upper}`],
    ...(security.readOnlyRootFilesystem ? ([['rootfs.options', 'ro']] as const) : []),
    ['apparmor.profile', 'unconfined'],
    ['mount.auto', security.privileged ? 'proc:rw sys:rw cgroup:rw:force' : 'proc:mixed sys:ro cgroup:ro:force'],
    // Somebody who kills the monitor does not kill the container: it goes on with the shim.
    ['monitor.signal.pdeath', 0],
    ['autodev', 1],
    ['tty.max', 0],
    ['pty.max', 1024],
    // With a terminal LXC makes one inside of the container, and joins it to that of the shim.
    ...(config.tty ? [] : ([['console.path', 'none']] as const)),
    ...namespaces(input),
    ...users(input),
    ...cgroups(input),
    ...(oomScoreAdj === 0 ? [] : ([['proc.oom_score_adj', oomScoreAdj]] as const)),
    ...mountEntries(input),
    ...oomHook(input),
  ];
  return `${lines.map(([name, value]) => `lxc.${name} = ${value}`).join('\n')}\n`;
}

/** Without those of users and time, which LXC would make by itself. */
const NAMESPACES = ['mnt', 'cgroup', 'pid', 'ipc', 'net', 'uts'];

type Lines = readonly (readonly [string, string | number])[];

function namespaces({ sandbox, sandboxPid, targetPid }: LxcConfigInput): Lines {
  const { hostNetwork, hostIpc, hostPid, shareProcessNamespace } = sandbox;
  const kept = [...(hostNetwork ? ['net', 'uts'] : []), ...(hostIpc ? ['ipc'] : []), ...(hostPid ? ['pid'] : [])];
  const shared = ['net', 'uts', 'ipc'].filter((name) => !kept.includes(name));
  const made = NAMESPACES.filter((name) => !kept.includes(name));
  const pid = hostPid ? undefined : shareProcessNamespace ? sandboxPid : targetPid;
  return [
    ...shared.map((name) => [`namespace.share.${name}`, sandboxPid] as const),
    ...(pid === undefined ? [] : [['namespace.share.pid', pid] as const]),
    ['namespace.clone', made.join(' ')],
  ];
}

function users({ user, capabilities, config, seccompFile }: LxcConfigInput): Lines {
  const { privileged, noNewPrivileges } = config.security;
  const keep = capabilities.length === 0 ? 'none' : capabilities.map((name) => name.toLowerCase()).join(' ');
  return [
    ['init.uid', user.uid],
    ['init.gid', user.gid],
    ...(user.groups.length === 0 ? [] : [['init.groups', user.groups.join(',')] as const]),
    ...(privileged ? [] : [['cap.keep', keep] as const]),
    ...(noNewPrivileges ? [['no_new_privs', 1] as const] : []),
    ...(seccompFile === undefined ? [] : [['seccomp.profile', seccompFile] as const]),
  ];
}

/** Those that every container has: null, zero, full, random, urandom, tty, console, ptmx and pseudo-terminals; to make nodes is no harm. */
const DEVICES = [
  'c *:* m',
  'b *:* m',
  ...['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:1', '5:2', '136:*'].map((device) => `c ${device} rwm`),
];

function cgroups({ cgroup, config }: LxcConfigInput): Lines {
  const prefix = cgroup.version === 1 ? 'cgroup' : 'cgroup2';
  const devices: Lines = config.security.privileged
    ? []
    : [[`${prefix}.devices.deny`, 'a'], ...DEVICES.map((device) => [`${prefix}.devices.allow`, device] as const)];
  return [
    ['cgroup.dir.container', cgroup.container],
    ['cgroup.dir.monitor', cgroup.monitor],
    ...settingsOf(config.resources, cgroup.version).map(([file, value]) => [`${prefix}.${file}`, value] as const),
    ...devices,
  ];
}

/** What tells of the machine, and nothing of the container. */
const HIDDEN_FILES = ['proc/kcore', 'proc/keys', 'proc/latency_stats', 'proc/timer_list', 'proc/sched_debug'];
const HIDDEN_DIRECTORIES = ['proc/acpi', 'proc/scsi', 'sys/firmware'];

function mountEntries({ mounts, config, shim }: LxcConfigInput): Lines {
  const hidden = config.security.privileged
    ? []
    : [
        ...HIDDEN_FILES.map((path) => `/dev/null ${path} none bind,optional 0 0`),
        ...HIDDEN_DIRECTORIES.map((path) => `tmpfs ${path} tmpfs ro,optional 0 0`),
      ];
  const own = [
    `${escaped(shim)} ${INIT_PATH.slice(1)} none bind,ro,create=file 0 0`,
    'mqueue dev/mqueue mqueue nosuid,nodev,noexec,create=dir,optional 0 0',
  ];
  return [...hidden, ...own, ...mounts.map(mountEntry)].map((entry) => ['mount.entry', entry] as const);
}

const PROPAGATION = { private: 'rprivate', 'host-to-container': 'rslave', bidirectional: 'rshared' } as const;

function mountEntry({ source, target, isFile, readOnly, propagation = 'private' }: PlacedMount): string {
  const options = ['rbind', ...(readOnly ? ['ro'] : []), PROPAGATION[propagation], `create=${isFile ? 'file' : 'dir'}`];
  return `${escaped(source)} ${escaped(target.slice(1))} none ${options.join(',')} 0 0`;
}

/** As in `fstab`. */
function escaped(path: string): string {
  return path.replaceAll(/[\\ \t\n#]/g, (character) => `\\${(character.codePointAt(0) ?? 0).toString(8).padStart(3, '0')}`);
}

function oomHook({ cgroup, shim, oomMark }: LxcConfigInput): Lines {
  const file =
    cgroup.version === 1
      ? `/sys/fs/cgroup/memory/${cgroup.container}/memory.oom_control`
      : `/sys/fs/cgroup/${cgroup.container}/memory.events`;
  // At this point the cgroup is still there.
  return [
    ['hook.version', 1],
    ['hook.stop', `${shim} oom ${oomMark} ${file}`],
  ];
}
