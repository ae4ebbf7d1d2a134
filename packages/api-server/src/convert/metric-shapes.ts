/** Where the fields of a metric of `autoscaling/v1`'s annotations are in `autoscaling/v2`. */
type Shape = Readonly<Record<string, string>>;

interface Shapes {
  readonly spec: Shape;
  readonly status: Shape;
}

const METRIC = { metricName: 'metric.name', selector: 'metric.selector' };
const RESOURCE: Shapes = {
  spec: { name: 'name', targetAverageUtilization: 'target.averageUtilization', targetAverageValue: 'target.averageValue' },
  status: { name: 'name', currentAverageUtilization: 'current.averageUtilization', currentAverageValue: 'current.averageValue' },
};
const CONTAINER = { container: 'container' };
const EXTERNAL = { metricName: 'metric.name', metricSelector: 'metric.selector' };

/** By the field of a metric that holds it. */
const SHAPES: Readonly<Record<string, Shapes>> = {
  object: {
    spec: { ...METRIC, target: 'describedObject', targetValue: 'target.value', averageValue: 'target.averageValue' },
    status: { ...METRIC, target: 'describedObject', currentValue: 'current.value', averageValue: 'current.averageValue' },
  },
  pods: {
    spec: { ...METRIC, targetAverageValue: 'target.averageValue' },
    status: { ...METRIC, currentAverageValue: 'current.averageValue' },
  },
  resource: RESOURCE,
  containerResource: { spec: { ...RESOURCE.spec, ...CONTAINER }, status: { ...RESOURCE.status, ...CONTAINER } },
  external: {
    spec: { ...EXTERNAL, targetValue: 'target.value', targetAverageValue: 'target.averageValue' },
    status: { ...EXTERNAL, currentValue: 'current.value', currentAverageValue: 'current.averageValue' },
  },
};

type Json = Readonly<Record<string, unknown>>;

/** A metric of v2 as v1's annotations have it. */
export function metricToV1(metric: Json, part: keyof Shapes): Json {
  return converted(metric, (source, field) => {
    const target: Record<string, unknown> = {};
    for (const [v1, v2] of Object.entries(SHAPES[field]?.[part] ?? {})) {
      const value = at(source, v2);
      if (value !== undefined) target[v1] = value;
    }
    return target;
  });
}

/** A metric of v1's annotations as v2 has it. */
export function metricFromV1(metric: Json, part: keyof Shapes): Json {
  return converted(metric, (source, field) => {
    const target: Record<string, unknown> = {};
    for (const [v1, v2] of Object.entries(SHAPES[field]?.[part] ?? {})) {
      if (source[v1] !== undefined) put(target, v2, source[v1]);
    }
    const goal = target['target'] as Record<string, unknown> | undefined;
    return goal ? { ...target, target: { type: goalType(goal), ...goal } } : target;
  });
}

function converted(metric: Json, convert: (source: Json, field: string) => Json): Json {
  const entries = Object.entries(metric).map(([field, source]) => {
    const isSource = field in SHAPES && typeof source === 'object' && source !== null;
    return [field, isSource ? convert(source as Json, field) : source];
  });
  return Object.fromEntries(entries) as Json;
}

function goalType(goal: Json): string {
  if (goal['averageUtilization'] !== undefined) return 'Utilization';
  return goal['averageValue'] === undefined ? 'Value' : 'AverageValue';
}

/** The value at a path of one or two steps. */
function at(source: Json, path: string): unknown {
  const [first = '', second] = path.split('.');
  return second === undefined ? source[first] : (source[first] as Json | undefined)?.[second];
}

function put(target: Record<string, unknown>, path: string, value: unknown): void {
  const [first = '', second] = path.split('.');
  if (second === undefined) target[first] = value;
  else target[first] = { ...(target[first] as Json | undefined), [second]: value };
}
