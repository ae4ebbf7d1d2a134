import { errorMessage } from '@keelson/base';
import { runCommand, type CommandRunner } from './command-runner.ts';
import { findIptables, findUsedIptables } from './iptables/iptables-tool.ts';
import type { ProxyModeName } from './modes.ts';
import { NftTool } from './nftables/nft-tool.ts';
import { wordsOf } from './nftables/table-layout.ts';
import { TableState } from './nftables/table-state.ts';
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
  readonly mode: Exclude<ProxyModeName, 'ipvs'>;
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

/**
 * The best mode that works here: for root nftables, or iptables, where the kernel takes all kinds of rules that it needs, else userspace.
 * Iptables goes first where its rules drop all that is forwarded and not let through by them, as those of Docker may: rules in another place
 * can't let anything through. Never rejects.
 */
export async function detectProxyMode(options: DetectOptions = {}): Promise<DetectedMode> {
  const { family = 'IPv4', run = runCommand, isRoot = process.getuid?.() === 0 } = options;
  if (!isRoot) return { mode: 'userspace', reason: 'rules of the kernel need root' };
  const whyNotNftables = await nftablesObstacle(run, family);
  if (whyNotNftables === undefined) return { mode: 'nftables', reason: 'nft works' };
  try {
    const tool = await findIptables(run, family);
    try {
      await tool.restore(PROBE);
    } finally {
      await tool.restore(END_OF_PROBE);
    }
    return { mode: 'iptables', reason: `${tool.program} works, and ${whyNotNftables}` };
  } catch (error) {
    return { mode: 'userspace', reason: `${whyNotNftables}; ${errorMessage(error)}` };
  }
}

async function nftablesObstacle(run: CommandRunner, family: IpFamily): Promise<string | undefined> {
  try {
    await new NftTool(run, wordsOf(family).table).check(
      new TableState({ family }).rewrite({ chains: new Set(), sets: new Set() }),
    );
    for (const { program } of await findUsedIptables(run, family)) {
      const { stdout } = await run({ file: program, args: ['-S', 'FORWARD'] });
      if (stdout.includes('-P FORWARD DROP')) return `${program} drops what is forwarded unless it has a rule for it`;
    }
    return undefined;
  } catch (error) {
    return `nftables can not be used: ${errorMessage(error)}`;
  }
}
