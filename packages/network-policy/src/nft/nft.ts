import { errorMessage, KeelsonError } from '@keelson/base';
import type { CommandRunner } from '@keelson/proxy';

const APPLY_TIMEOUT_MS = 60_000;
const BRIDGED = ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'];

/** All statements or none. Rejects with the words of `nft`. */
export async function applyStatements(run: CommandRunner, statements: string): Promise<void> {
  const { code, stderr } = await run({ file: 'nft', args: ['-f', '-'], input: statements, timeoutMs: APPLY_TIMEOUT_MS });
  if (code !== 0)
    throw new KeelsonError('InternalError', `Command "nft -f -" failed with code ${code}: ${stderr.trim().slice(0, 500)}`);
}

/** Why the kernel would not take the statements, in words for users; undefined if it would. Never rejects. */
export async function refusalOf(run: CommandRunner, statements: string): Promise<string | undefined> {
  try {
    const { code, stderr } = await run({ file: 'nft', args: ['-c', '-f', '-'], input: statements });
    return code === 0 ? undefined : stderr.trim().slice(0, 500);
  } catch (error) {
    return errorMessage(error);
  }
}

/** Lets packets between pods on one bridge be seen by the rules of the node. Gives what is wrong if that cannot be. Never rejects. */
export async function seeBridgedPackets(run: CommandRunner): Promise<string | undefined> {
  let problem: string | undefined;
  for (const name of BRIDGED) {
    try {
      const { code, stdout } = await run({ file: 'sysctl', args: ['-n', name] });
      if (code !== 0) await run({ file: 'modprobe', args: ['br_netfilter'] });
      if (code === 0 && stdout.trim() === '1') continue;
      const set = await run({ file: 'sysctl', args: ['-w', `${name}=1`] });
      if (set.code !== 0) problem = `cannot set ${name}: ${set.stderr.trim()}`;
    } catch (error) {
      problem = `cannot set ${name}: ${errorMessage(error)}`;
    }
  }
  return problem;
}
