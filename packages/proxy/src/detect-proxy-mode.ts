import { errorMessage } from '@keelson/base';
import { runCommand, type CommandRunner } from './command-runner.ts';
import { findIptables } from './iptables/iptables-tool.ts';
import type { IpFamily } from './service-map.ts';

export interface DetectOptions {
  /** Default IPv4. */
  readonly family?: IpFamily;
  /** Default: children of this process. */
  readonly run?: CommandRunner;
  /** Default: whether this process is root's. */
  readonly isRoot?: boolean;
}

export interface DetectedMode {
  readonly mode: 'iptables' | 'userspace';
  /** Why this one, in words for the user. */
  readonly reason: string;
}

/** Everything that the rules are made of, in a chain that nothing leads to. */
const PROBE = `*nat
:KEELSON-PROBE - [0:0]
-A KEELSON-PROBE -m comment --comment "probe" -m statistic --mode random --probability 0.5 -j RETURN
-A KEELSON-PROBE -m recent --rcheck --seconds 1 --reap --name KEELSON-PROBE --rsource -m addrtype --dst-type LOCAL -j RETURN
-A KEELSON-PROBE -m mark ! --mark 0x4000/0x4000 -j MARK --set-xmark 0x4000/0x4000
-A KEELSON-PROBE -j MASQUERADE --random-fully
COMMIT
*filter
:KEELSON-PROBE - [0:0]
-A KEELSON-PROBE -m conntrack --ctstate NEW -j REJECT
COMMIT
`;
const END_OF_PROBE =
  '*nat\n:KEELSON-PROBE - [0:0]\n-X KEELSON-PROBE\nCOMMIT\n*filter\n:KEELSON-PROBE - [0:0]\n-X KEELSON-PROBE\nCOMMIT\n';

/** The best mode that works here: iptables for root where the kernel takes all kinds of rules that it needs, else userspace. Never rejects. */
export async function detectProxyMode(options: DetectOptions = {}): Promise<DetectedMode> {
  const { family = 'IPv4', run = runCommand, isRoot = process.getuid?.() === 0 } = options;
  if (!isRoot) return { mode: 'userspace', reason: 'iptables needs root' };
  try {
    const tool = await findIptables(run, family);
    try {
      await tool.restore(PROBE);
    } finally {
      await tool.restore(END_OF_PROBE);
    }
    return { mode: 'iptables', reason: `${tool.program} works` };
  } catch (error) {
    return { mode: 'userspace', reason: errorMessage(error) };
  }
}
