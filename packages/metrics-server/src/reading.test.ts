import { describe, expect, it } from 'vitest';
import { parseReading } from './reading.ts';

const TEXT = `# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="web",namespace="default",pod="a"} 4.5 1700000000000
container_cpu_usage_seconds_total{container="side",namespace="default",pod="a"} 1e-05 1700000000100
container_memory_working_set_bytes{container="web",namespace="default",pod="a"} 1.6777216e+07 1700000000000
container_memory_working_set_bytes{container="side",namespace="default",pod="a"} 4096 1700000000100
container_start_time_seconds{container="web",namespace="default",pod="a"} 1.69999999e+09
container_cpu_usage_seconds_total{container="half",namespace="default",pod="b"} 1 1700000000000
container_swap_usage_bytes{container="web",namespace="default",pod="a"} 0 1700000000000
pod_cpu_usage_seconds_total{namespace="default",pod="a"} 5 1700000000000
node_cpu_usage_seconds_total 12 1700000000000
node_memory_working_set_bytes 100
scrape_error 0
`;

describe('parseReading', () => {
  it('reads what kubelets tell', () => {
    const { node, pods } = parseReading(TEXT, 7);

    expect(node).toEqual({ atMs: 7, cpuNanoSeconds: 12e9, memoryBytes: 100 });
    expect(pods.get('default/a')).toEqual(
      new Map([
        ['web', { atMs: 1.7e12, cpuNanoSeconds: 4.5e9, memoryBytes: 16_777_216, startedAtMs: 1_699_999_990_000 }],
        ['side', { atMs: 1.7e12 + 100, cpuNanoSeconds: 1e4, memoryBytes: 4096 }],
      ]),
    );
  });

  it('knows nothing of a pod one of whose containers is not told well', () => {
    expect(parseReading(TEXT, 7).pods.get('default/b')).toEqual(new Map());
  });

  it.each([
    '',
    'garbage',
    '{',
    'node_cpu_usage_seconds_total',
    'node_cpu_usage_seconds_total NaN\nnode_memory_working_set_bytes +Inf',
    'container_cpu_usage_seconds_total{ 1',
    'container_cpu_usage_seconds_total 1\ncontainer_memory_working_set_bytes 2',
  ])('makes nothing of %j', (text) => {
    expect(parseReading(text, 7)).toEqual({ node: undefined, pods: new Map() });
  });
});
