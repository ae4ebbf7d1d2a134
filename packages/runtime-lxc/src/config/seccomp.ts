import { KeelsonError } from '@keelson/base';

/**
 * What a container may not do by default: calls that reach past it to the machine's kernel, clock, disks, other processes and namespaces, and
 * that hardly any program needs. Those in a group are allowed to who has the capability.
 */
const DENIED: Readonly<Record<string, string>> = {
  '':
    'add_key create_module get_kernel_syms keyctl nfsservctl query_module request_key uselib userfaultfd ustat sysfs _sysctl vm86 vm86old ' +
    'io_uring_setup io_uring_enter io_uring_register',
  BPF: 'bpf',
  DAC_READ_SEARCH: 'open_by_handle_at',
  PERFMON: 'perf_event_open',
  SYS_ADMIN:
    'fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_tree pivot_root quotactl quotactl_fd setns swapoff ' +
    'swapon umount umount2 unshare',
  SYS_BOOT: 'kexec_file_load kexec_load reboot',
  SYS_MODULE: 'delete_module finit_module init_module',
  SYS_NICE: 'get_mempolicy mbind move_pages set_mempolicy set_mempolicy_home_node',
  SYS_PACCT: 'acct',
  SYS_PTRACE: 'kcmp process_madvise',
  SYS_RAWIO: 'ioperm iopl',
  SYS_TIME: 'clock_adjtime clock_settime clock_settime64 settimeofday stime',
};
const EPERM = 1;

/** The default profile in LXC's words, for a container with these capabilities. */
export function defaultProfile(capabilities: readonly string[]): string {
  const calls = Object.entries(DENIED).flatMap(([capability, names]) =>
    capabilities.includes(capability) ? [] : names.split(' '),
  );
  return ['2', 'denylist', '[all]', ...calls.map((name) => `${name} errno ${EPERM}`), ''].join('\n');
}

interface OciArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

interface OciRule {
  readonly names?: readonly string[];
  readonly name?: string;
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly OciArgument[] | null;
}

interface OciProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly syscalls?: readonly OciRule[];
}

const OPERATIONS: ReadonlySet<string> = new Set([
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
]);

/** A profile as Kubernetes' `Localhost` has them (JSON of the OCI), in LXC's words. Rejects what LXC cannot express. */
export function translateProfile(json: string): string {
  const profile = parse(json);
  const isAllowing = profile.defaultAction === 'SCMP_ACT_ALLOW' || profile.defaultAction === 'SCMP_ACT_LOG';
  const head = isAllowing ? 'denylist' : `allowlist ${action(profile.defaultAction, profile.defaultErrnoRet)}`;
  const rules = (profile.syscalls ?? []).flatMap((rule) =>
    (rule.names ?? [rule.name ?? '']).map((name) => `${name} ${action(rule.action, rule.errnoRet)}${argumentsOf(rule)}`),
  );
  return ['2', head, '[all]', ...rules, ''].join('\n');
}

function parse(json: string): OciProfile {
  try {
    // Checked by what is done with it.
    const profile = JSON.parse(json) as OciProfile;
    if (typeof profile.defaultAction === 'string') return profile;
  } catch (cause) {
    throw new KeelsonError('BadRequest', 'The seccomp profile is no JSON', { cause });
  }
  throw new KeelsonError('BadRequest', 'The seccomp profile has no defaultAction');
}

function action(name: string, errno = EPERM): string {
  switch (name) {
    case 'SCMP_ACT_ALLOW':
    case 'SCMP_ACT_LOG':
      return 'allow';
    case 'SCMP_ACT_ERRNO':
      return `errno ${errno}`;
    case 'SCMP_ACT_KILL':
    case 'SCMP_ACT_KILL_PROCESS':
    case 'SCMP_ACT_KILL_THREAD':
      return 'kill';
    case 'SCMP_ACT_TRAP':
      return 'trap';
    default:
      throw new KeelsonError('BadRequest', `The seccomp profile has an action that LXC does not know: ${name}`);
  }
}

function argumentsOf({ args }: OciRule): string {
  return (args ?? [])
    .map(({ index, value, valueTwo, op }) => {
      if (!OPERATIONS.has(op))
        throw new KeelsonError('BadRequest', `The seccomp profile has an operation that LXC does not know: ${op}`);
      return op === 'SCMP_CMP_MASKED_EQ' ? ` [${index},${valueTwo ?? 0},${op},${value}]` : ` [${index},${value},${op}]`;
    })
    .join('');
}
