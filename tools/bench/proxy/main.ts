// Measures the iptables proxy mode in a network namespace of its own, with N services of two endpoints each: the first fill, one endpoint
// that changes, one service that comes, and a look at everything that finds nothing to do. Needs root.
// Wall-clock figures are those of the machine at that moment; "cpu" is user and system time of the iptables programs and of this process.
// Usage: npm run bench -- proxy [--services 1000,10000] [--variants nft,legacy] [--rounds 5]
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KeelsonError } from '@keelson/base';
import { IptablesMode, runCommand, type CommandRunner, type ProxyEndpoint, type ServicePort } from '@keelson/proxy';

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '1000,10000' },
    variants: { type: 'string', default: 'nft,legacy' },
    rounds: { type: 'string', default: '5' },
  },
});
const TICKS_PER_SECOND = 100;

interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Processor time of this process and of its children that have ended. */
function cpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return (ticks / TICKS_PER_SECOND) * 1000;
}

async function measure(work: () => Promise<unknown>): Promise<Sample> {
  const [startMs, startCpuMs] = [performance.now(), cpuMs()];
  await work();
  return { wallMs: performance.now() - startMs, cpuMs: cpuMs() - startCpuMs };
}

function median(samples: readonly Sample[]): Sample {
  const at = (key: keyof Sample): number =>
    samples.map((one) => one[key]).sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
  return { wallMs: at('wallMs'), cpuMs: at('cpuMs') };
}

function service(index: number, endpoints: readonly number[]): ServicePort {
  const clusterEndpoints: ProxyEndpoint[] = endpoints.map((last) => ({
    address: `10.${100 + (index >> 14)}.${(index >> 6) & 255}.${(index & 63) * 4 + last}`,
    port: 8080,
    local: false,
  }));
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
    clusterEndpoints,
    localEndpoints: [],
  };
}

/** Runs programs in the namespace, as if the other variant of iptables were not there. */
function runnerIn(namespace: string, variant: string): CommandRunner {
  const other = variant === 'nft' ? 'iptables-legacy' : 'iptables-nft';
  return (command) =>
    command.file.startsWith(other)
      ? Promise.reject(new KeelsonError('NotFound', `"${command.file}" is left out`))
      : runCommand({ ...command, file: 'nsenter', args: [`--net=/run/netns/${namespace}`, command.file, ...command.args] });
}

async function bench(namespace: string, variant: string, count: number): Promise<Sample> {
  const mode = new IptablesMode({ run: runnerIn(namespace, variant) });
  const services = new Map(Array.from({ length: count }, (_, index) => service(index, [1, 2])).map((one) => [one.key, one]));
  const show = (title: string, { wallMs, cpuMs: cpu }: Sample): void => {
    const left = `${variant} ${count} services, ${title}`.padEnd(48);
    process.stdout.write(`${left}${wallMs.toFixed(0).padStart(7)} ms  cpu ${cpu.toFixed(0).padStart(6)} ms\n`);
  };
  const often = async (work: (round: number) => Promise<unknown>): Promise<Sample> => {
    const samples: Sample[] = [];
    for (let round = 0; round < Number(values.rounds); round++) samples.push(await measure(() => work(round)));
    return median(samples);
  };
  const change = (one: ServicePort) => mode.sync(new Map(services.set(one.key, one)));

  show('first fill', await measure(() => mode.sync(services)));
  const oneChange = await often((round) => change(service(7, round % 2 ? [1, 2] : [1, 3])));
  show('one endpoint changed', oneChange);
  show('one service more', await often((round) => change(service(count + round, [1, 2]))));
  show('full look, nothing to do', await often(() => mode.sync(services, { full: true })));
  show('clean up', await measure(() => mode.cleanup()));
  return oneChange;
}

const namespace = `keelson-proxy-bench-${process.pid}`;
await runCommand({ file: 'ip', args: ['netns', 'add', namespace] });
const results: string[] = [];
try {
  for (const variant of values.variants.split(',')) {
    for (const count of values.services.split(',').map(Number)) {
      const { wallMs, cpuMs: cpu } = await bench(namespace, variant, count);
      results.push(`${variant}-${count}=${wallMs.toFixed(0)} ms (cpu ${cpu.toFixed(0)} ms)`);
    }
  }
} finally {
  await runCommand({ file: 'ip', args: ['netns', 'del', namespace] });
}
const p50 = results[0]?.split('=')[1]?.split(' ')[0] ?? '?';
process.stdout.write(`proxy: p50=${p50} ms for one changed endpoint; ${results.join(' ')}\n`);
