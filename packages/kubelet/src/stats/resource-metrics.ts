import { exposition, labelText, metricLine, type Family } from './exposition.ts';
import type { NodeUsage, PodUsage, Usage } from './usage.ts';

const CPU = 'cpu_usage_seconds_total';
const MEMORY = 'memory_working_set_bytes';

/** `/metrics/resource`: what metrics-server reads. `undefined`: the runtime could not be asked. */
export function resourceMetrics(usage: NodeUsage | undefined): string {
  const error = usage ? 0 : 1;
  const what = 'Whether the runtime failed to tell what containers use (1), or not (0)';
  return exposition([
    ...(usage ? [...usageFamilies('node', [{ labels: '', usage: usage.node }]), ...podFamilies(usage.pods)] : []),
    { name: 'resource_scrape_error', type: 'gauge', help: what, lines: [metricLine('resource_scrape_error', '', error)] },
    { name: 'scrape_error', type: 'gauge', help: what, lines: [metricLine('scrape_error', '', error)] },
  ]);
}

function podFamilies(pods: readonly PodUsage[]): Family[] {
  const containers = pods.flatMap(({ pod, containers: all }) => {
    const { name = '', namespace = '' } = pod.metadata ?? {};
    return all.map((each) => ({ ...each, labels: labelText({ container: each.name, namespace, pod: name }) }));
  });
  const started = containers.filter(({ startedAtMs }) => startedAtMs > 0);
  const name = 'container_start_time_seconds';
  return [
    ...usageFamilies('container', containers),
    ...usageFamilies(
      'pod',
      pods.map(({ pod, usage }) => ({ usage, labels: podLabels(pod) })),
    ),
    {
      name,
      type: 'gauge',
      help: 'When the container was started, in seconds since the Unix epoch',
      lines: started.map(({ labels, startedAtMs }) => metricLine(name, labels, startedAtMs / 1000)),
    },
  ];
}

function podLabels({ metadata }: PodUsage['pod']): string {
  return labelText({ namespace: metadata?.namespace ?? '', pod: metadata?.name ?? '' });
}

function usageFamilies(whose: string, all: readonly { readonly labels: string; readonly usage: Usage }[]): Family[] {
  const [cpu, memory] = [`${whose}_${CPU}`, `${whose}_${MEMORY}`];
  return [
    {
      name: cpu,
      type: 'counter',
      help: `CPU time that the ${whose} has used, in seconds of one core`,
      lines: all.map(({ labels, usage }) => metricLine(cpu, labels, usage.cpuUsageNanoSeconds / 1e9, usage.atMs)),
    },
    {
      name: memory,
      type: 'gauge',
      help: `Working set of the ${whose}, in bytes`,
      lines: all.map(({ labels, usage }) => metricLine(memory, labels, usage.memoryWorkingSetBytes, usage.atMs)),
    },
  ];
}
