import type { Pod } from '@keelson/api/core/v1';
import type { InterfaceUsage } from '@keelson/runtime';
import { allContainers } from '../pod/pod-facts.ts';
import { cgroupParent, containerResources } from '../pod/resources.ts';
import { exposition, labelText, metricLine, type Family } from './exposition.ts';
import type { NodeUsage, Usage } from './usage.ts';

export interface ContainerMetricsInput {
  readonly usage: NodeUsage;
  readonly cores: number;
  readonly memoryCapacityBytes: number;
  /** Of the node. */
  readonly network?: readonly InterfaceUsage[] | undefined;
  /** Of pods, by uid. */
  readonly podNetworks?: ReadonlyMap<string, readonly InterfaceUsage[]>;
}

/** Something in a cgroup of its own: the node, a pod, or a container. */
interface Row {
  readonly labels: string;
  readonly usage: Usage;
  readonly startedAtMs?: number;
  readonly limits?: ReturnType<typeof containerResources>;
}

/** `/metrics/cadvisor`: the `container_*` metrics that dashboards are made of; of pods without a container's name, of the node with `id="/"`. */
export function containerMetrics(input: ContainerMetricsInput): string {
  const { usage, cores, memoryCapacityBytes } = input;
  const rows = [rowOf({ id: '/' }, { usage: usage.node }), ...usage.pods.flatMap(rowsOf)];
  const used = (what: string, type: Family['type'], valueOf: (usage: Usage) => number | undefined): Family =>
    familyOf(what, type, rows, (row) => valueOf(row.usage));
  const limit = (what: string, valueOf: (limits: NonNullable<Row['limits']>) => number | undefined): Family =>
    familyOf(what, 'gauge', rows, ({ limits }) => limits && valueOf(limits));
  return exposition([
    used('cpu_usage_seconds_total', 'counter', ({ cpuUsageNanoSeconds }) => cpuUsageNanoSeconds / 1e9),
    used('memory_usage_bytes', 'gauge', ({ memoryUsageBytes }) => memoryUsageBytes),
    used('memory_working_set_bytes', 'gauge', ({ memoryWorkingSetBytes }) => memoryWorkingSetBytes),
    used('memory_rss', 'gauge', ({ memoryRssBytes }) => memoryRssBytes),
    used('last_seen', 'gauge', ({ atMs }) => Math.floor(atMs / 1000)),
    familyOf('start_time_seconds', 'gauge', rows, ({ startedAtMs }) => startedAtMs && startedAtMs / 1000),
    limit('spec_cpu_shares', ({ cpuShares }) => cpuShares),
    limit('spec_cpu_quota', ({ cpuQuotaUs }) => cpuQuotaUs),
    limit('spec_cpu_period', ({ cpuPeriodUs }) => cpuPeriodUs),
    limit('spec_memory_limit_bytes', ({ memoryLimitBytes = 0 }) => memoryLimitBytes),
    ...networkFamilies(interfaceRows(input), usage.atMs),
    {
      name: 'machine_cpu_cores',
      type: 'gauge',
      help: 'CPU cores of the machine',
      lines: [metricLine('machine_cpu_cores', '', cores)],
    },
    {
      name: 'machine_memory_bytes',
      type: 'gauge',
      help: 'Memory of the machine',
      lines: [metricLine('machine_memory_bytes', '', memoryCapacityBytes)],
    },
  ]);
}

function rowsOf({ pod, containers, usage }: NodeUsage['pods'][number]): Row[] {
  const id = `/${cgroupParent(pod)}`;
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const known = allContainers(pod.spec ?? { containers: [] });
  const ofPod = rowOf({ id, namespace, pod: name }, { usage });
  const ofContainers = containers.map((each) => {
    const found = known.find((container) => container.name === each.name);
    const labels = { container: each.name, id: `${id}/${each.id}`, image: each.image, name: each.id, namespace, pod: name };
    const { usage: used, startedAtMs } = each;
    return rowOf(labels, { usage: used, startedAtMs, ...(found && { limits: limitsOf(pod, found) }) });
  });
  return [ofPod, ...ofContainers];
}

function limitsOf(pod: Pod, container: Parameters<typeof containerResources>[1]): ReturnType<typeof containerResources> {
  return containerResources(pod, container, 0);
}

const NO_LABELS = { container: '', id: '', image: '', name: '', namespace: '', pod: '' };

function rowOf(labels: Partial<typeof NO_LABELS>, rest: Omit<Row, 'labels'>): Row {
  return { labels: labelText({ ...NO_LABELS, ...labels }), ...rest };
}

const HELP: Readonly<Record<string, string>> = {
  cpu_usage_seconds_total: 'CPU time that was used, in seconds of one core',
  memory_usage_bytes: 'Memory in use, caches included',
  memory_working_set_bytes: 'Memory in use that cannot be given back under pressure',
  memory_rss: 'Memory in use that is in no file',
  last_seen: 'When the container was looked at last, in seconds since the Unix epoch',
  start_time_seconds: 'When the container was started, in seconds since the Unix epoch',
  spec_cpu_shares: 'Its share of the CPU',
  spec_cpu_quota: 'How many microseconds of CPU time it may use in each period',
  spec_cpu_period: 'The period of its quota, in microseconds',
  spec_memory_limit_bytes: 'The limit of its memory; 0 if it has none',
};

function familyOf(what: string, type: Family['type'], rows: readonly Row[], valueOf: (row: Row) => number | undefined): Family {
  const name = `container_${what}`;
  const lines = rows.flatMap((row) => {
    const value = valueOf(row);
    return value === undefined ? [] : [metricLine(name, row.labels, value, row.usage.atMs)];
  });
  return { name, type, help: HELP[what] ?? '', lines };
}

interface InterfaceRow {
  readonly labels: string;
  readonly usage: InterfaceUsage;
}

function interfaceRows({ network = [], podNetworks, usage }: ContainerMetricsInput): InterfaceRow[] {
  const rows = (labels: Partial<typeof NO_LABELS>, interfaces: readonly InterfaceUsage[] = []): InterfaceRow[] =>
    interfaces.map((each) => ({ labels: labelText({ ...NO_LABELS, ...labels, interface: each.name }), usage: each }));
  const ofPods = usage.pods.flatMap(({ pod }) => {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    return rows({ id: `/${cgroupParent(pod)}`, namespace, pod: name }, podNetworks?.get(uid));
  });
  return [...rows({ id: '/' }, network), ...ofPods];
}

function networkFamilies(rows: readonly InterfaceRow[], atMs: number): Family[] {
  const of = (what: string, help: string, valueOf: (each: InterfaceUsage) => number): Family => ({
    name: `container_network_${what}`,
    type: 'counter',
    help,
    lines: rows.map(({ labels, usage }) => metricLine(`container_network_${what}`, labels, valueOf(usage), atMs)),
  });
  return [
    of('receive_bytes_total', 'Bytes that were received', ({ rxBytes }) => rxBytes),
    of('receive_errors_total', 'Failures to receive', ({ rxErrors }) => rxErrors),
    of('transmit_bytes_total', 'Bytes that were sent', ({ txBytes }) => txBytes),
    of('transmit_errors_total', 'Failures to send', ({ txErrors }) => txErrors),
  ];
}
