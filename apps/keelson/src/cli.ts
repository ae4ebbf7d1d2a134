import { join, resolve } from 'node:path';
import { errorMessage, type LogLevel } from '@keelson/base';
import { Command, Option } from 'commander';
import { count, POD_BITS, port, ranges, runtimeNames, SERVICE_BITS, storeChoice, whole } from './flag-values.ts';
import {
  CLUSTER_DEFAULTS as standard,
  DNS_CHOICES,
  LOG_LEVELS,
  NETWORK_POLICY_CHOICES,
  NETWORKS,
  PROXY_MODES,
  RUNTIMES,
  type ClusterOptions,
} from './options.ts';
import type { LoadFlags } from './image-commands.ts';
import { addAgentCommand, addTokenCommands } from './join-cli.ts';
import type { ExplainFlags } from './proxy-commands.ts';

const STORE_HELP = 'where objects are stored: lmdb, memory, or etcd://HOST:PORT,...?ca=FILE&cert=FILE&key=FILE';

interface UpFlags extends Omit<ClusterOptions, 'kubeconfig' | 'kubelet'> {
  readonly kubeconfig?: string;
  readonly kubeletConfig?: string;
  readonly logLevel: LogLevel;
}

/** Runs a command line; resolves to the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  let code = 0;
  const ended = (result: number): void => {
    code = result;
  };
  const program = new Command('keelson').description('Kubernetes in one process').showHelpAfterError();
  addUpCommand(program, ended);
  addAgentCommand(program, addNodeOptions, ended);
  addTokenCommands(program);
  addResetCommand(program);
  addSnapshotCommands(program);
  addImageCommands(program);
  addCrdCommands(program);
  addProxyCommands(program);
  addTestServerCommand(program, ended);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    process.stderr.write(`keelson: ${errorMessage(error)}\n`);
    code = 1;
  }
  return code;
}

function dataDir(): Option {
  return new Option('--data-dir <dir>', 'where keys, data and volumes are kept').default('.keelson');
}

function addUpCommand(program: Command, ended: (code: number) => void): void {
  addNodeOptions(addRangeOptions(addWaysIn(program.command('up'))))
    .description('start a cluster, and run it until it is interrupted')
    .addOption(new Option('--port <port>', 'of the API server; 0 for any that is free').argParser(port).default(standard.port))
    .option('--bind, --bind-address <address>', 'the address that the API server listens on', standard.bindAddress)
    .option(
      '--advertise-address <address>',
      'where other machines reach this one (default: --bind-address, unless that is loopback)',
    )
    .option('--kubeconfig <file>', "where to write the administrator's kubeconfig (default: kubeconfig in the data directory)")
    .addOption(new Option('--proxy-mode <mode>', 'how packets get to services').choices(PROXY_MODES).default(standard.proxyMode))
    .addOption(new Option('--dns <choice>', 'cluster DNS for pods').choices(DNS_CHOICES).default(standard.dns))
    .addOption(new Option('--store <store>', STORE_HELP).argParser(storeChoice).default(standard.store))
    .addOption(new Option('--log-level <level>', 'least level of what is logged').choices(LOG_LEVELS).default('warn'))
    .action(async ({ kubeletConfig, logLevel, ...flags }: UpFlags) => {
      const { up } = await import('./up.ts');
      const { kubeletOf } = await import('./kubelet-file.ts');
      const kubelet = kubeletConfig === undefined ? {} : { kubelet: await kubeletOf(kubeletConfig) };
      const directory = resolve(flags.dataDir);
      const kubeconfig = flags.kubeconfig === undefined ? join(directory, 'kubeconfig') : resolve(flags.kubeconfig);
      const { staticPodPath } = flags;
      const manifests = staticPodPath === undefined ? {} : { staticPodPath: resolve(staticPodPath) };
      ended(await up({ ...flags, ...kubelet, ...manifests, dataDir: directory, kubeconfig }, { logLevel }));
    });
}

function addResetCommand(program: Command): void {
  program
    .command('reset')
    .description('remove the containers, rules and data of a cluster')
    .addOption(dataDir())
    .addOption(criEndpoint())
    .action(async (flags: { readonly dataDir: string; readonly criEndpoint: string }) => {
      const { reset } = await import('./reset.ts');
      await reset({ ...flags, dataDir: resolve(flags.dataDir) });
    });
}

function addTestServerCommand(program: Command, ended: (code: number) => void): void {
  program
    .command('test-server')
    .description('a cluster in memory for tests; it ends with its standard input')
    .addOption(new Option('--nodes <n>', 'simulated ones; without any there is no scheduler').argParser(count).default(0))
    .option('--controllers <names>', 'which run, by commas: * for all, -NAME for all but this one', '')
    .option('--kubeconfig <file>', 'where to write it (default: among the temporary files)')
    .action(async ({ controllers, ...flags }: { controllers: string; nodes: number; kubeconfig?: string }) => {
      const { testServer } = await import('./test-server.ts');
      ended(await testServer({ ...flags, controllers: controllers.split(',').filter((name) => name !== '') }));
    });
}

/** What gets in, and what between pods. */
function addWaysIn(command: Command): Command {
  return command
    .addOption(
      new Option('--network-policy <choice>', 'enforce NetworkPolicies')
        .choices(NETWORK_POLICY_CHOICES)
        .default(standard.networkPolicy),
    )
    .option('--ingress', 'serve Ingresses', standard.ingress)
    .addOption(new Option('--ingress-http-port <port>', 'on all addresses').argParser(port).default(standard.ingressHttpPort))
    .addOption(new Option('--ingress-https-port <port>', 'on all addresses').argParser(port).default(standard.ingressHttpsPort));
}

/** Where pods and Services get their addresses. */
function addRangeOptions(command: Command): Command {
  const { clusterCidr, network, nodes, serviceCidr } = standard;
  return command
    .addOption(
      new Option('--nodes <n>', '0 for a control plane alone; more than one only with --runtime sim')
        .argParser(count)
        .default(nodes),
    )
    .addOption(new Option('--network <name>', 'what gives pods their network').choices(NETWORKS).default(network))
    .addOption(
      new Option('--cluster-cidr <cidrs>', 'addresses of all pods; for both IP families two ranges, by a comma')
        .argParser((text) => ranges(text, POD_BITS))
        .default(clusterCidr),
    )
    .addOption(
      new Option('--service-cidr <cidrs>', 'addresses of services, of the same families')
        .argParser((text) => ranges(text, SERVICE_BITS))
        .default(serviceCidr),
    );
}

/** What runs pods, and how; here as in agents. */
function addNodeOptions(command: Command): Command {
  const { moreRuntimes, runtime } = standard;
  return command
    .addOption(dataDir())
    .addOption(new Option('--runtime <name>', 'what runs containers').choices(RUNTIMES).default(runtime))
    .addOption(
      new Option('--more-runtimes <names>', 'further ones, by commas, for RuntimeClasses with these handlers')
        .argParser(runtimeNames)
        .default(moreRuntimes),
    )
    .addOption(criEndpoint())
    .addOption(
      new Option('--shutdown-grace-period <seconds>', 'end the pods too when this ends, within so long').argParser(whole),
    )
    .option('--kubelet-config <file>', 'a KubeletConfiguration for all nodes')
    .option('--static-pod-path <dir>', 'a directory of manifests whose pods the node runs by itself');
}

function criEndpoint(): Option {
  return new Option('--cri-endpoint <url>', 'the socket of a CRI runtime').default(standard.criEndpoint);
}

function addSnapshotCommands(program: Command): void {
  const snapshot = program.command('snapshot').description('save and restore what a cluster has stored');
  snapshot
    .command('save <file>')
    .description('save the store of a cluster, which may be running, to a file')
    .addOption(dataDir())
    .action(async (file: string, flags: { readonly dataDir: string }) => {
      const { save } = await import('./snapshot-commands.ts');
      process.stdout.write(await save(resolve(flags.dataDir), file));
    });
  snapshot
    .command('restore <file>')
    .description('make the store of a cluster, which has none and does not run, from a file')
    .addOption(dataDir())
    .addOption(new Option('--bump-revision <n>', 'by how much resource versions go up (default: 1000000000)').argParser(whole))
    .action(async (file: string, flags: { readonly dataDir: string; readonly bumpRevision?: number }) => {
      const { restore } = await import('./snapshot-commands.ts');
      process.stdout.write(await restore(resolve(flags.dataDir), file, flags.bumpRevision));
    });
  snapshot
    .command('status <file>')
    .description('check a file, and say what is in it')
    .action(async (file: string) => {
      const { status } = await import('./snapshot-commands.ts');
      process.stdout.write(await status(file));
    });
}

/** Docker has a command of its own for that. */
function addImageCommands(program: Command): void {
  program
    .command('load-image')
    .description('take images in for pods: files of docker save; for LXC OCI layouts and archives of a root file system too')
    .argument('<files...>')
    .addOption(dataDir())
    .addOption(new Option('--runtime <name>', 'whose pods').choices(['docker', 'lxc', 'cri']).default('lxc'))
    .addOption(criEndpoint())
    .option('--name <name>', 'what the image is called, instead of what the file says; a root file system needs one')
    .action(async (files: readonly string[], flags: LoadFlags) => {
      const { loadImages } = await import('./image-commands.ts');
      await loadImages(files, { ...flags, dataDir: resolve(flags.dataDir) });
    });
}

function addCrdCommands(program: Command): void {
  const crd = program.command('crd').description('custom resources, from TypeScript and to it');
  crd
    .command('generate <files...>')
    .description('write the types of CustomResourceDefinitions in YAML or JSON files')
    .option('--out <dir>', 'where to write them', 'src/generated')
    .action(async (files: readonly string[], { out }: { readonly out: string }) => {
      const { generate } = await import('./crd-commands.ts');
      for (const file of await generate(files, out)) process.stdout.write(`${file}\n`);
    });
  crd
    .command('manifests <modules...>')
    .description('print the CustomResourceDefinitions of what modules export')
    .action(async (modules: readonly string[]) => {
      const { manifests } = await import('./crd-commands.ts');
      process.stdout.write(await manifests(modules));
    });
}

function addProxyCommands(program: Command): void {
  const proxy = program.command('proxy').description('how packets get to services');
  proxy
    .command('explain <service>')
    .description('print the path of a packet to a service, NAME or NAMESPACE/NAME, of any cluster')
    .option('--kubeconfig <file>', 'of the cluster (default: as kubectl finds it)')
    .option('-n, --namespace <namespace>', 'of the service', 'default')
    .option('--node <name>', 'from which node to look')
    .addOption(
      new Option('--proxy-mode <mode>', 'auto: that of the proxy on this machine')
        .choices(PROXY_MODES.filter((mode) => mode !== 'none'))
        .default('auto'),
    )
    .action(async (service: string, flags: ExplainFlags) => {
      const { explain } = await import('./proxy-commands.ts');
      process.stdout.write(await explain(service, flags));
    });
}
