import { runOrThrow, type CommandRunner } from '../command-runner.ts';

/** A virtual server as the kernel has it. */
export interface VirtualServer {
  /** `-t 10.96.0.1:80`. */
  readonly key: string;
  /** `-s rr -p 600`. */
  readonly options: string;
  readonly destinations: ReadonlyMap<string, Destination>;
}

export interface Destination {
  readonly weight: number;
  readonly connections: number;
}

const OPTION_OF: Readonly<Record<string, string>> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' };

/** The program `ipvsadm`. */
export class IpvsTool {
  readonly #run: CommandRunner;

  constructor(run: CommandRunner) {
    this.#run = run;
  }

  async list(): Promise<ReadonlyMap<string, VirtualServer>> {
    return parseServers(await runOrThrow(this.#run, { file: 'ipvsadm', args: ['-Ln'], timeoutMs: 120_000 }));
  }

  /** Runs the lines one after the other, as arguments of `ipvsadm`. Rejects if one fails. */
  async apply(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    await runOrThrow(this.#run, { file: 'ipvsadm', args: ['-R'], input: `${lines.join('\n')}\n`, timeoutMs: 300_000 });
  }
}

/** Reads the output of `ipvsadm -Ln`. */
export function parseServers(text: string): ReadonlyMap<string, VirtualServer> {
  const servers = new Map<string, VirtualServer>();
  let destinations = new Map<string, Destination>();
  for (const line of text.split('\n')) {
    const server = /^(TCP|UDP|SCTP)\s+(\S+:\d+) (\S+)(?: persistent (\d+))?/.exec(line);
    const destination = /^ {2}-> (\S+:\d+)\s+Masq\s+(\d+)\s+(\d+)\s+(\d+)/.exec(line);
    if (server) {
      const [, protocol = '', address = '', scheduler = '', seconds] = server;
      const key = `${OPTION_OF[protocol] ?? ''} ${address}`;
      destinations = new Map();
      servers.set(key, { key, options: `-s ${scheduler}${seconds ? ` -p ${seconds}` : ''}`, destinations });
    } else if (destination) {
      const [, address = '', weight, active, inactive] = destination;
      destinations.set(address, { weight: Number(weight), connections: Number(active) + Number(inactive) });
    }
  }
  return servers;
}
