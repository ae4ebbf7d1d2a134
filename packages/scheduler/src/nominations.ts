import { keyOf } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { priorityOf } from './framework.ts';

/** Pods for which room is being made, by the node where. What becomes free there is theirs, but for pods that matter more. */
export class Nominations {
  readonly #nodes = new Map<string, string>();
  readonly #pods = new Map<string, Map<string, Pod>>();

  nominate(pod: Pod, nodeName: string): void {
    this.forget(pod);
    this.#nodes.set(keyOf(pod), nodeName);
    const there = this.#pods.get(nodeName) ?? new Map<string, Pod>();
    this.#pods.set(nodeName, there.set(keyOf(pod), pod));
  }

  /** True if it was nominated. */
  forget(pod: Pod): boolean {
    const nodeName = this.#nodes.get(keyOf(pod));
    if (nodeName === undefined) return false;
    this.#nodes.delete(keyOf(pod));
    const there = this.#pods.get(nodeName);
    there?.delete(keyOf(pod));
    if (there?.size === 0) this.#pods.delete(nodeName);
    return true;
  }

  nodeOf(pod: Pod): string | undefined {
    return this.#nodes.get(keyOf(pod));
  }

  /** Those on a node that come before a pod. Asked for each pod and node: there are none, nearly always. */
  before(pod: Pod, nodeName: string): readonly Pod[] {
    if (!this.#pods.has(nodeName)) return NONE;
    return this.#on(nodeName).filter((other) => keyOf(other) !== keyOf(pod) && priorityOf(other) >= priorityOf(pod));
  }

  /** Those on a node that come after a pod. */
  after(pod: Pod, nodeName: string): readonly Pod[] {
    return this.#on(nodeName).filter((other) => priorityOf(other) < priorityOf(pod));
  }

  #on(nodeName: string): readonly Pod[] {
    const there = this.#pods.get(nodeName);
    return there ? [...there.values()] : NONE;
  }
}

const NONE: readonly Pod[] = [];
