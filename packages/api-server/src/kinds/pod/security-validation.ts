import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '@keelson/api/core/v1';
import { checkDescendingPath, checkId, checkOptionalChoice, checkPresent } from '../../validation/checks.ts';
import { checkEach, type Field, Unique } from '../../validation/field.ts';

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const PROC_MOUNTS = ['Default', 'Unmasked'];
const CHANGE_POLICIES = ['Always', 'OnRootMismatch'];
const GROUP_POLICIES = ['Merge', 'Strict'];
const SYSCTL = /^([a-z0-9][-_a-z0-9]*[a-z0-9]?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const MAX_SYSCTL = 253;

export function checkSecurityContext(context: SecurityContext | undefined, spec: PodSpec, parent: Field): void {
  if (context === undefined) return;
  const at = parent.child('securityContext');
  checkId(context.runAsUser, at, 'runAsUser');
  checkId(context.runAsGroup, at, 'runAsGroup');
  checkOptionalChoice(context.procMount, PROC_MOUNTS, () => at.child('procMount'));
  if (context.procMount === 'Unmasked' && spec.hostUsers !== false) {
    at.child('procMount').invalid(context.procMount, '`hostUsers` must be false to use `Unmasked`');
  }
  if (context.allowPrivilegeEscalation === false) checkNoEscalation(context, at);
  checkSeccomp(context.seccompProfile, at);
  checkAppArmor(context.appArmorProfile, at);
}

function checkNoEscalation(context: SecurityContext, at: Field): void {
  if (context.privileged === true) at.invalid(context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
  if (context.capabilities?.add?.includes('CAP_SYS_ADMIN') === true) {
    at.invalid(context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
  }
}

function checkSeccomp(profile: SeccompProfile | undefined, parent: Field): void {
  if (profile === undefined) return;
  const at = parent.child('seccompProfile');
  if ((profile.type ?? '') === '') return at.child('type').required('type is required when seccompProfile is set');
  if (!PROFILE_TYPES.includes(profile.type)) at.child('type').notSupported(profile.type, PROFILE_TYPES);
  checkLocalhostProfile(profile, 'seccomp', at);
  if (profile.type === 'Localhost' && profile.localhostProfile)
    checkDescendingPath(profile.localhostProfile, at.child('localhostProfile'));
}

function checkAppArmor(profile: AppArmorProfile | undefined, parent: Field): void {
  if (profile === undefined) return;
  const at = parent.child('appArmorProfile');
  if ((profile.type ?? '') === '') return at.child('type').required('type is required when appArmorProfile is set');
  if (!PROFILE_TYPES.includes(profile.type)) at.child('type').notSupported(profile.type, PROFILE_TYPES);
  checkLocalhostProfile(profile, 'AppArmor', at);
}

function checkLocalhostProfile(profile: { type: string; localhostProfile?: string | undefined }, title: string, at: Field): void {
  const { type, localhostProfile } = profile;
  if (type === 'Localhost') {
    if ((localhostProfile ?? '') === '') at.child('localhostProfile').required(`must be set when ${title} type is Localhost`);
  } else if (localhostProfile !== undefined) {
    at.child('localhostProfile').invalid(localhostProfile, `can only be set when ${title} type is Localhost`);
  }
}

export function checkPodSecurity(spec: PodSpec, parent: Field): void {
  if (spec.hostPID === true && spec.shareProcessNamespace === true) {
    parent.child('shareProcessNamespace').invalid(true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  }
  checkHostUsers(spec, parent);
  const context = spec.securityContext;
  if (context === undefined) return;
  const at = parent.child('securityContext');
  for (const name of ['fsGroup', 'runAsUser', 'runAsGroup'] as const) checkId(context[name], at, name);
  for (const [position, group] of (context.supplementalGroups ?? []).entries())
    checkId(group, at, `supplementalGroups[${position}]`);
  checkOptionalChoice(context.fsGroupChangePolicy, CHANGE_POLICIES, () => at.child('fsGroupChangePolicy'));
  checkOptionalChoice(context.supplementalGroupsPolicy, GROUP_POLICIES, () => at.child('supplementalGroupsPolicy'));
  checkSysctls(spec, at);
  checkSeccomp(context.seccompProfile, at);
  checkAppArmor(context.appArmorProfile, at);
}

/** A user namespace of its own excludes sharing the host's other namespaces. */
function checkHostUsers(spec: PodSpec, at: Field): void {
  if (spec.hostUsers !== false) return;
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[name] === true) at.child(name).forbidden('when `hostUsers` is false');
  }
}

function checkSysctls(spec: PodSpec, parent: Field): void {
  const names = new Unique();
  checkEach(spec.securityContext?.sysctls, parent, 'sysctls', ({ name }, at) => {
    if (!checkPresent(name, at, 'name')) return;
    const dotted = name.replaceAll('/', '.');
    if (name.length > MAX_SYSCTL || !SYSCTL.test(name)) {
      const rule = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
      at.child('name').invalid(name, `must have at most ${MAX_SYSCTL} characters and match regex ^${rule}$`);
    } else if (!names.add(dotted)) {
      at.child('name').duplicate(name);
    }
    if (spec.hostNetwork === true && dotted.startsWith('net.'))
      at.child('name').invalid(name, "may not be specified when 'hostNetwork' is true");
  });
}
