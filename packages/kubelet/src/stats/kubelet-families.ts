import { KUBELET_VERSION } from '../node/machine.ts';
import { exposition, labelText, metricLine, type Family } from './exposition.ts';

/** What is counted when somebody asks, and not before. */
export interface KubeletState {
  readonly nodeName: string;
  pods(): readonly unknown[];
  runningPods(): readonly unknown[];
  containerStates(): ReadonlyMap<string, number>;
}

/** The part of `/metrics` that shows how things are now. */
export function kubeletFamilies(state: KubeletState): string {
  const { user, system } = process.cpuUsage();
  return exposition([
    gauge('kubelet_node_name', 'The name of the node; always 1', 1, { node: state.nodeName }),
    gauge('kubelet_desired_pods', 'Pods that the kubelet takes care of', state.pods().length, { static: '' }),
    gauge('kubelet_running_pods', 'Pods with a container that runs', state.runningPods().length),
    {
      name: 'kubelet_running_containers',
      type: 'gauge',
      help: 'Containers by their state',
      lines: [...state.containerStates()].map(([name, count]) =>
        metricLine('kubelet_running_containers', labelText({ container_state: name }), count),
      ),
    },
    gauge('kubernetes_build_info', 'The version; always 1', 1, { git_version: KUBELET_VERSION, major: '1', minor: '36' }),
    { ...gauge('process_cpu_seconds_total', 'CPU time of the process', (user + system) / 1e6), type: 'counter' },
    gauge('process_resident_memory_bytes', 'Memory of the process', process.memoryUsage.rss()),
  ]);
}

function gauge(name: string, help: string, value: number, labels: Readonly<Record<string, string>> = {}): Family {
  return { name, type: 'gauge', help, lines: [metricLine(name, labelText(labels), value)] };
}
