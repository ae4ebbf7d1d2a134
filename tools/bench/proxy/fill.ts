import { readFileSync } from 'node:fs';
import { KeelsonError } from '@keelson/base';
import {
  IptablesMode,
  IpvsMode,
  NftablesMode,
  runCommand,
  SnapshotMap,
  type CommandRunner,
  type ProxyMode,
  type ServicePort,
} from '@keelson/proxy';

const TICKS_PER_SECOND = 100;
const ENDPOINTS = [0, 1, 2, 3, 4];

export interface FillOptions {
  readonly services: readonly number[];
  readonly modes: readonly string[];
  readonly rounds: number;
}

interface Sample {
  readonly wallMs: number;
  readonly ownMs: number;
  readonly toolMs: number;
}

/** One line of figures for each mode and number of services. */
export async function benchFill({ services, modes, rounds }: FillOptions): Promise<string[]> {
  const results: string[] = [];
  for (const mode of modes) {
    for (const count of services) {
      const namespace = `keelson-proxy-bench-${process.pid}`;
      await runCommand({ file: 'ip', args: ['netns', 'add', namespace] });
      try {
        const { wallMs, ownMs, toolMs } = await bench(mode, count, { rounds, namespace });
        results.push(`${mode}-${count}:own=${ownMs.toFixed(2)},tool=${toolMs.toFixed(1)},wall=${wallMs.toFixed(1)}`);
      } finally {
        await runCommand({ file: 'ip', args: ['netns', 'del', namespace] });
      }
    }
  }
  return results;
}

async function bench(name: string, count: number, { rounds, namespace }: { rounds: number; namespace: string }): Promise<Sample> {
  const mode = makeMode(name, namespace);
  let services = SnapshotMap.empty<ServicePort>().with(
    Array.from({ length: count }, (_, index) => service(index)).map((one) => [one.key, one]),
  );
  const show = (title: string, { wallMs, ownMs, toolMs }: Sample): void => {
    const left = `${name}, ${count} services, ${title}`.padEnd(52);
    const [wall, own, tool] = [wallMs, ownMs, toolMs].map((ms) => ms.toFixed(ms < 100 ? 1 : 0).padStart(7));
    process.stdout.write(`${left} wall ${wall} ms  own ${own} ms  tool ${tool} ms\n`);
  };
  const often = async (work: (round: number) => Promise<unknown>): Promise<Sample> => {
    // Not counted: the first time, code is compiled.
    await work(-1);
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round++) samples.push(await measure(() => work(round)));
    return median(samples);
  };
  const change = (one: ServicePort) => mode.sync((services = services.with([[one.key, one]])));

  show('first sync', await measure(() => mode.sync(services)));
  const oneChange = await often((round) => change(service(7, round % 2 ? 5 : 4)));
  show('one endpoint changed', oneChange);
  show('one service more', await often((round) => change(service(count + round + 1))));
  show('full look, nothing to do', await measure(() => mode.sync(services, { full: true })));
  show('clean up', await measure(() => mode.cleanup()));
  return oneChange;
}

/** Processor time of children that have ended, in milliseconds. */
function childrenMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return ((Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND) * 1000;
}

async function measure(work: () => Promise<unknown>): Promise<Sample> {
  const [startMs, startToolMs, start] = [performance.now(), childrenMs(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(start);
  return { wallMs: performance.now() - startMs, ownMs: (user + system) / 1000, toolMs: childrenMs() - startToolMs };
}

function median(samples: readonly Sample[]): Sample {
  const at = (key: keyof Sample): number =>
    samples.map((one) => one[key]).sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
  // Ticks are 10 ms long: of what takes less, only the mean says something.
  const toolMs = samples.reduce((sum, one) => sum + one.toolMs, 0) / samples.length;
  return { wallMs: at('wallMs'), ownMs: at('ownMs'), toolMs };
}

function makeMode(name: string, namespace: string): ProxyMode {
  const inside: CommandRunner = (command) =>
    runCommand({ ...command, file: 'nsenter', args: [`--net=/run/netns/${namespace}`, command.file, ...command.args] });
  switch (name) {
    case 'nftables':
      return new NftablesMode({ run: inside });
    case 'ipvs':
      return new IpvsMode({
        run: async ({ args }) => ({ code: 0, stdout: args.includes('-j') ? '{"nftables":[]}' : '', stderr: '' }),
      });
    default: {
      const other = name === 'iptables-nft' ? 'iptables-legacy' : 'iptables-nft';
      const missing = (file: string) => Promise.reject(new KeelsonError('NotFound', `"${file}" is left out`));
      return new IptablesMode({ run: (command) => (command.file.startsWith(other) ? missing(command.file) : inside(command)) });
    }
  }
}

function service(index: number, last = 4): ServicePort {
  const address = (endpoint: number): string => {
    const number = index * 8 + endpoint;
    return `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  };
  return {
    key: `bench/service-${index}:http`,
    namespace: 'bench',
    name: `service-${index}`,
    portName: 'http',
    protocol: 'TCP',
    port: 80,
    clusterIPs: [`10.96.${index >> 8}.${index & 255}`],
    externalIPs: [],
    loadBalancerIPs: [],
    loadBalancerSourceRanges: [],
    nodePort: undefined,
    healthCheckNodePort: undefined,
    affinitySeconds: undefined,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    clusterEndpoints: ENDPOINTS.map((one) => ({ address: address(one === 4 ? last : one), port: 8080, local: one === 0 })),
    localEndpoints: [],
    localTerminating: false,
  };
}
