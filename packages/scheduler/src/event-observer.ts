import { keyOf, uidOf } from '@keelson/api';
import type { ObjectReference, Pod } from '@keelson/api/core/v1';
import type { SchedulerObserver } from './scheduler.ts';

/** Takes events for the API's users. Never throws and never blocks: `EventRecorder` of @keelson/controller-runtime is one. */
export interface EventSink {
  event(about: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Tells users what became of their pods, in upstream's words. */
export class EventObserver implements SchedulerObserver {
  readonly #events: EventSink;

  constructor(events: EventSink) {
    this.#events = events;
  }

  scheduled(pod: Pod, nodeName: string): void {
    this.#events.event(referenceTo(pod), 'Normal', 'Scheduled', `Successfully assigned ${keyOf(pod)} to ${nodeName}`);
  }

  failed(pod: Pod, message: string): void {
    this.#events.event(referenceTo(pod), 'Warning', 'FailedScheduling', message);
  }

  preempted(victim: Pod, pod: Pod, nodeName: string): void {
    this.#events.event(referenceTo(victim), 'Normal', 'Preempted', `Preempted by pod ${uidOf(pod)} on node ${nodeName}`);
  }
}

/** Objects of a list do not say of what kind they are. */
function referenceTo({ metadata }: Pod): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}
