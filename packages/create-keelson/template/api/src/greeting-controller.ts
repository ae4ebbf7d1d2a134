import { formatTime, nameOf, namespaceOf, setCondition } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import { applySet, generationChanged, patchStatusIfChanged, type ControllerDefinition } from '@keelson/controller-runtime';
import { Greeting } from './greeting.ts';

/** Keeps a ConfigMap of the same name for each Greeting. */
export function greetingController({ clock }: { readonly clock: Clock }): ControllerDefinition<Greeting> {
  return {
    for: Greeting,
    when: generationChanged,
    owns: [ConfigMap],
    reconcile: async (object, { client, events }) => {
      const metadata = { name: nameOf(object), namespace: namespaceOf(object) };
      const desired = [{ kind: ConfigMap, object: { metadata, data: { text: object.spec.text } } }];
      await applySet(desired, { client, fieldManager: 'greeting-operator', owner: { kind: Greeting, object } });

      const observedGeneration = object.metadata?.generation ?? 0;
      if (object.status?.observedGeneration === observedGeneration) return;
      const lastTransitionTime = formatTime(clock.now());
      const ready = {
        type: 'Ready',
        status: 'True' as const,
        reason: 'Applied',
        message: 'The ConfigMap is there',
        lastTransitionTime,
      };
      const conditions = setCondition(object.status?.conditions, ready, clock.now());
      await patchStatusIfChanged(client, Greeting, object, { observedGeneration, conditions });
      events.event(object, 'Normal', 'Applied', 'The ConfigMap is there');
    },
  };
}
