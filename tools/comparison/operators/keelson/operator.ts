import { formatTime, nameOf, namespaceOf, setCondition } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import { applySet, patchStatusIfChanged, type Operator } from '@keelson/controller-runtime';
import { conditions, customResource, type ObjectOf } from '@keelson/crd';
import { z } from 'zod';

export const Greeting = customResource({
  group: 'example.com',
  kind: 'Greeting',
  spec: z.object({ text: z.string().min(1) }),
  status: z.object({ observedGeneration: z.int().optional(), conditions: conditions().optional() }),
});
export type Greeting = ObjectOf<typeof Greeting>;

/** Keeps a ConfigMap of the same name for each Greeting. */
export function setUp({ control, clock }: Operator): void {
  control<Greeting>({
    for: Greeting,
    owns: [ConfigMap],
    reconcile: async (object, { client }) => {
      const metadata = { name: nameOf(object), namespace: namespaceOf(object) };
      const desired = [{ kind: ConfigMap, object: { metadata, data: { text: object.spec.text } } }];
      await applySet(desired, { client, fieldManager: 'greetings', owner: { kind: Greeting, object } });
      const lastTransitionTime = formatTime(clock.now());
      const ready = { type: 'Ready', status: 'True' as const, reason: 'Applied', message: '', lastTransitionTime };
      await patchStatusIfChanged(client, Greeting, object, {
        observedGeneration: object.metadata?.generation ?? 0,
        conditions: setCondition(object.status?.conditions, ready, clock.now()),
      });
    },
  });
}
