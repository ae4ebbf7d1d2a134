import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { KeelsonError, type Clock } from '@keelson/base';
import type { ContainerConfig, Mount } from '@keelson/runtime';
import type { Cgroups } from './cgroups.ts';
import { capabilitiesOf, capabilityMask, ownCapabilities } from './config/capabilities.ts';
import { lxcConfig } from './config/lxc-config.ts';
import { hostDevices, placeMounts } from './config/mounts.ts';
import { makePlace, resolveInRoot } from './config/root-path.ts';
import { defaultProfile, translateProfile } from './config/seccomp.ts';
import { resolveUser, type ResolvedUser } from './config/user.ts';
import type { ImageConfig, ImageRecord } from './images/image-record.ts';
import type { Layout } from './layout.ts';
import type { ContainerRecord } from './records.ts';
import type { Sandbox } from './sandboxes.ts';

export interface ContainerFilesDependencies {
  readonly layout: Layout;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly cgroupRoot: string;
  readonly shim: () => string;
}

export interface ContainerToMake {
  readonly id: string;
  readonly config: ContainerConfig;
  readonly sandbox: Sandbox;
  readonly targetPid: number | undefined;
  readonly image: ImageRecord;
  readonly tree: string;
  /** Of images that are mounted into it. */
  readonly mountedTrees: readonly string[];
}

const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What LXC mounts on, beside what is asked for. */
const PLACES = ['/dev', '/proc', '/sys'];

/** Writes everything that LXC and the shim read to start a container, and gives its record, which is not written yet. */
export async function writeContainerFiles(deps: ContainerFilesDependencies, make: ContainerToMake): Promise<ContainerRecord> {
  const { layout, cgroupRoot, cgroups, shim } = deps;
  const { id, config, sandbox, image, tree } = make;
  const upper = layout.container(id, 'upper');
  await mkdir(upper, { recursive: true, mode: 0o755 });
  const user = await resolveUser(tree, config.security.user || (image.config.User ?? ''), config.security.supplementalGroups);
  const workingDir = resolveInRoot(tree, config.workingDir || image.config.WorkingDir || '/');
  for (const place of [...PLACES, workingDir]) await makePlace(tree, upper, place, 'directory');
  refuseAppArmor(config.security);
  const capabilities = capabilitiesOf(config.security);
  const record = recordOf(deps, make, { user, workingDir, capabilities });
  const mounts = await placeMounts(tree, upper, mountsOf(deps, make));
  const text = lxcConfig({
    config,
    sandbox: sandbox.record.config,
    sandboxPid: sandbox.pid,
    targetPid: make.targetPid,
    tree,
    upper,
    mounts: config.security.privileged ? [...(await hostDevices()), ...mounts] : mounts,
    user,
    capabilities,
    seccompFile: await seccompFile(layout, id, config, capabilities),
    cgroup: { version: cgroups.version, container: record.cgroup, monitor: `${cgroupRoot}/lxc.monitor/${id}` },
    oomScoreAdj: possibleOomScore(config.resources.oomScoreAdj ?? 0),
    shim: shim(),
    oomMark: layout.container(id, 'oom'),
  });
  await writeFile(layout.container(id, 'config'), text);
  await writeFile(layout.container(id, 'process'), processFile(workingDir, commandOf(config, image.config), record.env));
  return record;
}

/** As `init` of the shim reads it. */
export function processFile(workingDir: string, command: readonly string[], env: readonly string[]): string {
  return [workingDir, String(command.length), ...command, ...env].map((word) => `${word}\0`).join('');
}

/** Who a command becomes that is run beside a container's own process, in the words of `init` of the shim. */
export function identityWords({ user, capabilities, noNewPrivileges }: ContainerRecord): readonly string[] {
  return [String(user.uid), String(user.gid), user.groups.join(',') || '-', capabilities, noNewPrivileges ? '1' : '0'];
}

interface Settled {
  readonly user: ResolvedUser;
  readonly workingDir: string;
  readonly capabilities: readonly string[];
}

function recordOf(
  { clock }: ContainerFilesDependencies,
  { id, config, sandbox, image, tree, mountedTrees }: ContainerToMake,
  { user, workingDir, capabilities }: Settled,
): ContainerRecord {
  const { record } = sandbox;
  const { pod, hostname, hostPid, shareProcessNamespace } = record.config;
  const { name, attempt, labels, annotations, tty, stdin, stdinOnce } = config;
  const isById = config.image === image.id || /^(sha256:)?[0-9a-f]{12,64}$/.test(config.image);
  return {
    id,
    sandboxId: record.id,
    pod,
    name,
    attempt,
    image: isById ? (image.repoTags[0] ?? config.image) : config.image,
    imageId: image.repoDigests[0] ?? image.id,
    tree,
    ...(mountedTrees.length > 0 && { mountedTrees }),
    createdAtMs: clock.now(),
    labels,
    annotations,
    cgroup: `${record.cgroup}/${id}`,
    tty,
    stdin,
    stdinOnce,
    stopSignal: config.stopSignal ?? image.config.StopSignal ?? 'SIGTERM',
    user: { uid: user.uid, gid: user.gid, groups: user.groups },
    capabilities: String(capabilityMask(capabilities)),
    noNewPrivileges: config.security.noNewPrivileges && !config.security.privileged,
    workingDir,
    env: environment(config, image.config, { hostname, home: user.home }),
    sharesPids: hostPid || shareProcessNamespace || config.targetContainerId !== undefined,
  };
}

function commandOf({ command, args }: ContainerConfig, { Entrypoint, Cmd }: ImageConfig): readonly string[] {
  if (command.length > 0) return [...command, ...args];
  return [...(Entrypoint ?? []), ...(args.length > 0 ? args : (Cmd ?? []))];
}

/** What comes later replaces what is there. */
function environment(
  { env, tty }: ContainerConfig,
  image: ImageConfig,
  { hostname, home }: { readonly hostname: string; readonly home: string },
): readonly string[] {
  const own = [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(tty ? ['TERM=xterm'] : []), ...(image.Env ?? [])];
  const all = new Map<string, string>();
  for (const line of own) all.set(line.split('=')[0] ?? '', line);
  for (const { name, value } of env) all.set(name, `${name}=${value}`);
  if (!all.has('HOME')) all.set('HOME', `HOME=${home}`);
  return [...all.values()];
}

/** The pod's own files, unless the container mounts something else there. */
function mountsOf({ layout }: ContainerFilesDependencies, { config, sandbox }: ContainerToMake): readonly Mount[] {
  const { id, config: pod } = sandbox.record;
  const readOnly = config.security.readOnlyRootFilesystem;
  const own: readonly Mount[] = [
    { hostPath: layout.sandbox(id, 'resolv.conf'), containerPath: '/etc/resolv.conf', readOnly },
    { hostPath: layout.sandbox(id, 'hosts'), containerPath: '/etc/hosts', readOnly },
    { hostPath: layout.sandbox(id, 'hostname'), containerPath: '/etc/hostname', readOnly },
    { hostPath: pod.hostIpc ? '/dev/shm' : layout.sandbox(id, 'shm'), containerPath: '/dev/shm', readOnly: false },
  ];
  const taken = new Set(config.mounts.map(({ containerPath }) => containerPath));
  const asked = config.mounts.toSorted(
    (one, other) => one.containerPath.split('/').length - other.containerPath.split('/').length,
  );
  return [...own.filter(({ containerPath }) => !taken.has(containerPath)), ...asked];
}

async function seccompFile(
  layout: Layout,
  id: string,
  { security }: ContainerConfig,
  capabilities: readonly string[],
): Promise<string | undefined> {
  const { seccompProfile: profile, privileged } = security;
  if (privileged || profile === 'Unconfined') return undefined;
  if (profile !== 'RuntimeDefault' && !profile.startsWith('/')) {
    const known = 'RuntimeDefault, Unconfined or an absolute path is';
    throw new KeelsonError('BadRequest', `"${profile}" is no seccomp profile: ${known}`);
  }
  const text = profile === 'RuntimeDefault' ? defaultProfile(capabilities) : translateProfile(await readProfile(profile));
  const path = layout.container(id, 'seccomp');
  await writeFile(path, text);
  return path;
}

/** Better not at all than without the confinement that was asked for. */
function refuseAppArmor({ appArmorProfile: profile = 'Unconfined' }: ContainerConfig['security']): void {
  if (profile !== 'Unconfined') throw new KeelsonError('BadRequest', `LXC applies no AppArmor profile, and so not "${profile}"`);
}

async function readProfile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new KeelsonError('BadRequest', `cannot load seccomp profile "${path}"`, { cause });
  }
}

/** Not every process may make the kernel spare another one. */
function possibleOomScore(wanted: number): number {
  return ownCapabilities().includes('SYS_RESOURCE') ? wanted : Math.max(0, wanted);
}
