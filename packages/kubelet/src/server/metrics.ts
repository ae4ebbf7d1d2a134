import { KUBELET_VERSION } from '../node/machine.ts';
import type { NodeApi } from './node-api.ts';

type Stats = Awaited<ReturnType<NodeApi['stats']>>;

/** `/metrics/resource`: what metrics-server reads. */
export function resourceMetrics(stats: Stats): string {
  const cpu: string[] = [];
  const memory: string[] = [];
  for (const { pod, containers } of stats) {
    for (const { name, stats: used } of containers) {
      const labels = `{container=${quote(name)},namespace=${quote(pod.metadata?.namespace)},pod=${quote(pod.metadata?.name)}}`;
      cpu.push(`container_cpu_usage_seconds_total${labels} ${used.cpuUsageNanoSeconds / 1e9} ${used.atMs}`);
      memory.push(`container_memory_working_set_bytes${labels} ${used.memoryWorkingSetBytes} ${used.atMs}`);
    }
  }
  const all = stats.flatMap(({ containers }) => containers.map((each) => each.stats));
  const sum = (of: (each: (typeof all)[number]) => number) => all.reduce((total, each) => total + of(each), 0);
  return text([
    ['container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds', cpu],
    ['container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', memory],
    [
      'node_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time of all containers in core-seconds',
      [`node_cpu_usage_seconds_total ${sum((each) => each.cpuUsageNanoSeconds) / 1e9}`],
    ],
    [
      'node_memory_working_set_bytes',
      'gauge',
      'Working set of all containers in bytes',
      [`node_memory_working_set_bytes ${sum((each) => each.memoryWorkingSetBytes)}`],
    ],
  ]);
}

/** `/metrics`: the kubelet about itself. */
export function kubeletMetrics(api: NodeApi): string {
  const containers = [...api.containerStates()].map(
    ([state, count]) => `kubelet_running_containers{container_state=${quote(state)}} ${count}`,
  );
  const versions = `{git_version=${quote(KUBELET_VERSION)},major="1",minor="36"}`;
  return text([
    [
      'kubelet_node_name',
      'gauge',
      "The node's name. The count is always 1",
      [`kubelet_node_name{node=${quote(api.nodeName)}} 1`],
    ],
    ['kubelet_desired_pods', 'gauge', 'Pods that this kubelet takes care of', [`kubelet_desired_pods ${api.pods().length}`]],
    ['kubelet_running_pods', 'gauge', 'Pods with a running container', [`kubelet_running_pods ${api.runningPods().length}`]],
    ['kubelet_running_containers', 'gauge', 'Containers by their state', containers],
    ['kubernetes_build_info', 'gauge', 'The version. The value is always 1', [`kubernetes_build_info${versions} 1`]],
  ]);
}

function text(families: readonly (readonly [string, string, string, readonly string[]])[]): string {
  return families
    .map(([name, type, help, lines]) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n'))
    .join('');
}

function quote(value: string | undefined): string {
  return JSON.stringify(value ?? '');
}
