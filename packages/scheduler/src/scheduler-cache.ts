import { keyOf, nameOf } from '@keelson/api';
import type { Node, Pod } from '@keelson/api/core/v1';
import type { Snapshot } from './framework.ts';
import { NodeInfo, nodeNameOf } from './node-info.ts';

/**
 * Nodes and what runs on them, as the scheduler knows it: what informers say, and pods that it has given a node itself and not seen there
 * yet ("assumed"). An assumed pod counts at once, so that the next pod is not given the same room.
 */
export class SchedulerCache {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Pods by key, as they are counted now. */
  readonly #pods = new Map<string, Pod>();
  readonly #assumed = new Set<string>();
  #snapshot: Snapshot | undefined;

  setNode(node: Node): void {
    this.#info(nameOf(node)).setNode(node);
    this.#snapshot = undefined;
  }

  /** Its pods stay known: they may still be there when the node comes back. */
  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    info?.setNode(undefined);
    if (info?.podCount === 0) this.#nodes.delete(name);
    this.#snapshot = undefined;
  }

  /** A pod that an informer shows on a node. Confirms it if it was assumed, whichever node it turned up on. */
  setPod(pod: Pod): void {
    this.#remove(pod);
    this.#assumed.delete(keyOf(pod));
    this.#add(pod);
  }

  removePod(pod: Pod): void {
    this.#assumed.delete(keyOf(pod));
    this.#remove(pod);
  }

  /** Counts a pod on a node before the API says so. */
  assume(pod: Pod, nodeName: string): void {
    const placed: Pod = { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName } };
    this.#remove(pod);
    this.#add(placed);
    this.#assumed.add(keyOf(pod));
  }

  /** Takes an assumption back, if an informer has not confirmed it meanwhile. */
  forget(pod: Pod): void {
    if (!this.#assumed.delete(keyOf(pod))) return;
    this.#remove(pod);
  }

  isAssumed(pod: Pod): boolean {
    return this.#assumed.has(keyOf(pod));
  }

  /**
   * The nodes that are there now. It is used within one attempt, which changes nothing before it is over: so it is no copy, and good until
   * the next change.
   */
  snapshot(): Snapshot {
    this.#snapshot ??= this.#makeSnapshot();
    return this.#snapshot;
  }

  #makeSnapshot(): Snapshot {
    const nodes = [...this.#nodes.values()].filter(({ node }) => node !== undefined);
    return { nodes, node: (name) => this.#nodes.get(name) };
  }

  #info(name: string): NodeInfo {
    const known = this.#nodes.get(name);
    if (known) return known;
    const info = new NodeInfo(name);
    this.#nodes.set(name, info);
    return info;
  }

  #add(pod: Pod): void {
    this.#pods.set(keyOf(pod), pod);
    this.#info(nodeNameOf(pod)).addPod(pod);
  }

  #remove(pod: Pod): void {
    const known = this.#pods.get(keyOf(pod));
    if (!known) return;
    this.#pods.delete(keyOf(pod));
    const info = this.#nodes.get(nodeNameOf(known));
    info?.removePod(known);
    if (info && info.podCount === 0 && !info.node) this.#nodes.delete(info.name);
  }
}
