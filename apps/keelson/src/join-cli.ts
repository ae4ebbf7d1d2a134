import { Option, type Command } from 'commander';
import { listOf } from './flag-values.ts';
import { TOKEN_USAGES } from './options.ts';
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
