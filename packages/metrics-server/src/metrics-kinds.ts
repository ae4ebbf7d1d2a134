import { parseQuantity, type KubernetesObject } from '@keelson/api';
import { NodeMetrics, PodMetrics } from '@keelson/api/metrics/v1beta1';
import { virtualKind, type Column, type ResourceDefinition, type VirtualKind } from '@keelson/api-server';

const VERBS = ['get', 'list'] as const;
const USAGE = { type: 'object', additionalProperties: { type: 'string' } } as const;
const WINDOW = {
  metadata: { type: 'object' },
  timestamp: { type: 'string', format: 'date-time' },
  window: { type: 'string' },
} as const;

export const NODE_METRICS: ResourceDefinition = virtualKind({
  ...NodeMetrics,
  singular: '',
  verbs: VERBS,
  columns: columns((object) => [(object as NodeMetrics).usage]),
  schema: schemaOf({ usage: USAGE }),
});

export const POD_METRICS: ResourceDefinition = virtualKind({
  ...PodMetrics,
  singular: '',
  verbs: VERBS,
  columns: columns((object) => (object as PodMetrics).containers.map(({ usage }) => usage)),
  schema: schemaOf({
    containers: {
      type: 'array',
      items: { type: 'object', required: ['name', 'usage'], properties: { name: { type: 'string' }, usage: USAGE } },
    },
  }),
});

function schemaOf(own: NonNullable<VirtualKind['schema']['properties']>): VirtualKind['schema'] {
  return { type: 'object', required: ['timestamp', 'window', ...Object.keys(own)], properties: { ...WINDOW, ...own } };
}

type Usages = (object: Readonly<KubernetesObject>) => readonly Readonly<Record<string, string>>[];

/** Name, what is used of each resource, and the window. */
function columns(usagesOf: Usages): Column[] {
  const usage = (name: string): Column => ({
    name,
    type: 'string',
    format: 'quantity',
    cell: (object) => {
      const amounts = usagesOf(object).map((each) => parseQuantity(each[name] ?? '0'));
      const [first, ...others] = amounts;
      return others.reduce((sum, each) => sum.add(each), first ?? parseQuantity('0')).toString();
    },
  });
  return [
    { name: 'Name', type: 'string', format: 'name', path: '.metadata.name' },
    usage('cpu'),
    usage('memory'),
    { name: 'Window', type: 'string', format: 'duration', path: '.window' },
  ];
}
