import { readFileSync } from 'node:fs';
import type { ContainerSecurity } from '@keelson/runtime';

/** In the order of their bits. */
const CAPABILITIES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST ' +
  'NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE ' +
  'SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM ' +
  'BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
).split(' ');

/** What a container has that asks for nothing, as with Docker and containerd. */
const DEFAULT =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'.split(
    ' ',
  );

let own: readonly string[] | undefined;

/** Those of this process: nobody can give more than that. */
export function ownCapabilities(): readonly string[] {
  const bits = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  own ??= CAPABILITIES.filter((_name, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
  return own;
}

/** What a container keeps, of what there is. `ALL` is dropped before something is added, and added before something is dropped. */
export function capabilitiesOf(security: ContainerSecurity, available: readonly string[] = ownCapabilities()): readonly string[] {
  if (security.privileged) return available;
  const add = security.addCapabilities.map(plain);
  const drop = security.dropCapabilities.map(plain);
  const base = drop.includes('ALL') ? [] : add.includes('ALL') ? available : DEFAULT;
  const added = drop.includes('ALL') && add.includes('ALL') ? available : add;
  return available.filter((name) => (base.includes(name) && !drop.includes(name)) || added.includes(name));
}

function plain(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, '');
}

/** As the kernel has them: a bit for each. */
export function capabilityMask(names: readonly string[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(CAPABILITIES.indexOf(name))), 0n);
}
