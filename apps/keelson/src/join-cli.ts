import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { LogLevel } from '@keelson/base';
import { Option, type Command } from 'commander';
import type { AgentOptions } from './agent/agent-options.ts';
import { AGENT_DEFAULTS as standard } from './agent/agent-options.ts';
import { caCertHashes, listOf, port, servers, whole } from './flag-values.ts';
import { LOG_LEVELS, NETWORK_POLICY_CHOICES, PROXY_MODES, TOKEN_USAGES } from './options.ts';
import type { CreateTokenFlags, TokenFlags } from './token-commands.ts';

const kubeconfig = (): Option => new Option('--kubeconfig <file>', 'of the cluster (default: as kubectl finds it)');

/** What lets machines join. */
export function addTokenCommands(program: Command): void {
  const token = program.command('token').description('bootstrap tokens, by which machines join a cluster');
  token
    .command('create')
    .argument('[token]', 'ID.SECRET (default: at random)')
    .description('make a token, and print it')
    .addOption(kubeconfig())
    .option('--ttl <duration>', 'how long it is good; 0 for ever', '24h')
    .addOption(
      new Option('--usages <usages>', 'what it is good for, by commas')
        .argParser((text) => listOf(text, TOKEN_USAGES))
        .default(TOKEN_USAGES, TOKEN_USAGES.join()),
    )
    .addOption(
      new Option('--groups <groups>', 'system:bootstrappers:..., by commas, beside system:bootstrappers')
        .argParser((text) => text.split(','))
        .default([], 'none'),
    )
    .option('--description <text>', 'what it is for')
    .option('--print-join-command', 'print what is to be run on the machine that joins')
    .action(async (text: string | undefined, flags: CreateTokenFlags) => {
      const { createToken } = await import('./token-commands.ts');
      process.stdout.write(await createToken(text, flags));
    });
  token
    .command('list')
    .description('print all tokens')
    .addOption(kubeconfig())
    .action(async (flags: TokenFlags) => {
      const { listTokens } = await import('./token-commands.ts');
      process.stdout.write(await listTokens(flags));
    });
  token
    .command('delete')
    .argument('<tokens...>', 'their ids, or as a whole')
    .description('let nobody join by these tokens any more')
    .addOption(kubeconfig())
    .action(async (tokens: readonly string[], flags: TokenFlags) => {
      const { deleteTokens } = await import('./token-commands.ts');
      process.stdout.write(await deleteTokens(tokens, flags));
    });
}

interface AgentFlags extends Omit<
  AgentOptions,
  'servers' | 'caCertHashes' | 'skipCaVerification' | 'port' | 'kubelet' | 'joinTimeoutMs'
> {
  readonly server: readonly string[];
  readonly caCertHash: readonly string[];
  readonly unsafeSkipCaVerification?: boolean;
  readonly kubeletPort: number;
  readonly kubeletConfig?: string;
  readonly joinTimeout: number;
  readonly logLevel: LogLevel;
}

/** A machine as a node of a cluster that is elsewhere. `addShared` adds the options that it has in common with `keelson up`. */
export function addAgentCommand(program: Command, addShared: (command: Command) => Command, ended: (code: number) => void): void {
  addShared(addJoinOptions(program.command('agent')))
    .description('join this machine to a cluster as a node, and run that until it is interrupted')
    .option('--node-name <name>', 'unlike all others', hostname().toLowerCase())
    .option('--node-ip <address>', 'where other machines reach this one (default: the address towards the server)')
    .addOption(new Option('--kubelet-port <port>', 'of the node; 0 for any that is free').argParser(port).default(standard.port))
    .addOption(new Option('--proxy-mode <mode>', 'how packets get to services').choices(PROXY_MODES).default(standard.proxyMode))
    .addOption(
      new Option('--network-policy <choice>', 'enforce NetworkPolicies')
        .choices(NETWORK_POLICY_CHOICES)
        .default(standard.networkPolicy),
    )
    .addOption(new Option('--log-level <level>', 'least level of what is logged').choices(LOG_LEVELS).default('warn'))
    .action(async ({ kubeletConfig, staticPodPath, joinTimeout, logLevel, ...flags }: AgentFlags) => {
      const { runAgent } = await import('./agent/run-agent.ts');
      const { kubeletOf } = await import('./kubelet-file.ts');
      const { server, caCertHash, unsafeSkipCaVerification = false, kubeletPort, ...others } = flags;
      const options = {
        ...others,
        ...(kubeletConfig !== undefined && { kubelet: await kubeletOf(kubeletConfig) }),
        ...(staticPodPath !== undefined && { staticPodPath: resolve(staticPodPath) }),
        dataDir: resolve(flags.dataDir),
        servers: server,
        caCertHashes: caCertHash,
        skipCaVerification: unsafeSkipCaVerification,
        port: kubeletPort,
        joinTimeoutMs: joinTimeout * 1000,
      };
      ended(await runAgent(options, { logLevel }));
    });
}

/** Where the cluster is, and how both know each other; once a machine has joined it needs none of it. */
function addJoinOptions(command: Command): Command {
  const more =
    <T>(read: (text: string) => readonly T[]) =>
    (text: string, before: readonly T[]) => [...before, ...read(text)];
  return command
    .addOption(
      new Option('--server <urls>', 'https://HOST:PORT of API servers, by commas or again; one that answers is enough')
        .argParser(more(servers))
        .default(standard.servers, 'what it has joined'),
    )
    .addOption(new Option('--token <token>', 'a bootstrap token, ID.SECRET').env('KEELSON_TOKEN'))
    .addOption(
      new Option('--ca-cert-hash <hashes>', "sha256:HEX of the cluster authority's public key")
        .argParser(more(caCertHashes))
        .default(standard.caCertHashes, 'none'),
    )
    .option('--unsafe-skip-ca-verification', 'believe whoever knows the token, without a hash')
    .addOption(
      new Option('--join-timeout <seconds>', 'give up joining after so long')
        .argParser(whole)
        .default(standard.joinTimeoutMs / 1000),
    );
}
