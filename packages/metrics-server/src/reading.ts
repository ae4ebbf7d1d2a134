/** What was used up to a moment. */
export interface Point {
  readonly atMs: number;
  /** Since the container, or the machine, was started. */
  readonly cpuNanoSeconds: number;
  readonly memoryBytes: number;
  /** Of containers, where the kubelet tells. */
  readonly startedAtMs?: number;
}

/** What a kubelet told once. */
export interface Reading {
  readonly node: Point | undefined;
  /** By `namespace/name` of the pod, then by the container's name. */
  readonly pods: ReadonlyMap<string, ReadonlyMap<string, Point>>;
}

type Field = 'cpu' | 'memory' | 'started';

const METRICS: ReadonlyMap<string, Field> = new Map([
  ['node_cpu_usage_seconds_total', 'cpu'],
  ['node_memory_working_set_bytes', 'memory'],
  ['container_cpu_usage_seconds_total', 'cpu'],
  ['container_memory_working_set_bytes', 'memory'],
  ['container_start_time_seconds', 'started'],
]);

type Draft = Partial<Record<Field, number>> & { atMs?: number };

const LABEL = /(container|namespace|pod)="([^"]*)"/g;

/**
 * Reads `/metrics/resource` of a kubelet. Lines without a time are of `nowMs`; what lacks CPU or memory is left out, as lines are that make no
 * sense. Hot path: every container of every node, four times a minute; its labels are read once, though they stand in three lines.
 */
export function parseReading(text: string, nowMs: number): Reading {
  const node: Draft = {};
  const pods = new Map<string, Map<string, Draft>>();
  const byLabels = new Map<string, Draft | undefined>([['', node]]);
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    start = end + 1;
    if (line.startsWith('#')) continue;
    const labelsEnd = line.lastIndexOf('}') + 1;
    const nameEnd = labelsEnd > 0 ? line.indexOf('{') : line.indexOf(' ');
    const field = nameEnd > 0 ? METRICS.get(line.slice(0, nameEnd)) : undefined;
    if (field === undefined) continue;
    const labels = line.slice(nameEnd, labelsEnd);
    if ((labels === '') !== line.startsWith('node_')) continue;
    if (!byLabels.has(labels)) byLabels.set(labels, draftOf(pods, labels));
    const draft = byLabels.get(labels);
    const [value = '', time] = line.slice(Math.max(labelsEnd, nameEnd) + 1).split(' ');
    const number = Number(value);
    if (!draft || value === '' || !Number.isFinite(number)) continue;
    draft[field] = number;
    if (field !== 'started') draft.atMs = time === undefined ? nowMs : Number(time);
  }
  return { node: pointOf(node), pods: new Map([...pods].map(([key, drafts]) => [key, pointsOf(drafts)])) };
}

function draftOf(pods: Map<string, Map<string, Draft>>, labels: string): Draft | undefined {
  let [container, namespace, pod] = ['', '', ''];
  for (const [, name, value = ''] of labels.matchAll(LABEL)) {
    if (name === 'container') container = value;
    else if (name === 'namespace') namespace = value;
    else pod = value;
  }
  if (container === '' || pod === '') return undefined;
  const key = `${namespace}/${pod}`;
  const ofPod = pods.get(key) ?? new Map<string, Draft>();
  pods.set(key, ofPod);
  const draft = ofPod.get(container) ?? {};
  ofPod.set(container, draft);
  return draft;
}

/** A pod one of whose containers is not known well has no points at all: a sum without it would be wrong. */
function pointsOf(drafts: ReadonlyMap<string, Draft>): ReadonlyMap<string, Point> {
  const points = new Map<string, Point>();
  for (const [name, draft] of drafts) {
    const point = pointOf(draft);
    if (!point) return new Map();
    points.set(name, point);
  }
  return points;
}

function pointOf({ atMs, cpu, memory, started }: Draft): Point | undefined {
  if (atMs === undefined || cpu === undefined || memory === undefined) return undefined;
  const point = { atMs, cpuNanoSeconds: cpu * 1e9, memoryBytes: memory };
  return started === undefined ? point : { ...point, startedAtMs: started * 1000 };
}
