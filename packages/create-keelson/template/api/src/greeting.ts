import { conditions, customResource, type ObjectOf } from '@keelson/crd';
import { z } from 'zod';

export const Greeting = customResource({
  group: 'example.com',
  kind: 'Greeting',
  spec: z.object({
    text: z.string().min(1).max(1_000).describe('What is written into the ConfigMap.'),
  }),
  status: z.object({ observedGeneration: z.int().optional(), conditions: conditions().optional() }),
  columns: [
    { name: 'Ready', type: 'string', jsonPath: ".status.conditions[?(@.type=='Ready')].status" },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
});
export type Greeting = ObjectOf<typeof Greeting>;
