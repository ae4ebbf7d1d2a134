import { z } from 'zod';
import { customResource } from '../custom-resource.ts';
import { anything, conditions, intOrString, mapOf, quantity, rules, setOf } from '../markers.ts';

const port = z.object({ name: z.string(), port: z.int().min(1).max(65_535), protocol: z.enum(['TCP', 'UDP']).default('TCP') });

export const websiteSpec = rules(
  z.object({
    html: z.string().min(1).describe('What is served.'),
    replicas: z.int().min(0).max(100).default(1),
    hosts: setOf(z.string()).optional(),
    ports: mapOf(port, 'name').optional(),
    surge: intOrString().optional(),
    memory: quantity().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    until: z.iso.datetime().nullable().optional(),
    extra: anything().optional(),
  }),
  { rule: "self.replicas > 0 || self.html == ''", message: 'a website without replicas serves nothing' },
  'self == oldSelf',
);

/** A resource with something of everything. */
export const Website = customResource({
  group: 'example.com',
  kind: 'Website',
  shortNames: ['ws'],
  spec: websiteSpec,
  status: z.object({ conditions: conditions().optional(), available: z.int().optional() }),
  columns: [{ name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' }],
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.available' },
  selectableFields: ['.spec.html'],
});
