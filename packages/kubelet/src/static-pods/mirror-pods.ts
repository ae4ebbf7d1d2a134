import { errorMessage, isReason, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { keyOf } from '@keelson/api';
import { Pod, type Node } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import { Rounds } from '../worker/rounds.ts';
import { CONFIG_ANNOTATIONS, mirroredHash } from './static-pod.ts';

export interface MirrorPodsDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  /** With its UID, once it is registered. */
  readonly node: () => Pick<Node, 'metadata'>;
}

const RETRY_MS = 5000;

/**
 * The copies of static pods in the API: there to be seen. Deleting one there does nothing to the pod: it is made again. Each is worked on by
 * its name, one thing at a time, and looked at again until it is right.
 */
export class MirrorPods {
  readonly #deps: MirrorPodsDependencies;
  readonly #onMirror: (hash: string, mirror: Pod | undefined) => void;
  readonly #tasks: TaskGroup;
  readonly #rounds = new Rounds((name) => this.#reconcile(name));
  readonly #wanted = new Map<string, Pod>();
  readonly #found = new Map<string, Pod>();
  readonly #retries = new Map<string, Disposable>();

  /** `onMirror` is told when the copy of a static pod, by its hash, is there or is there no more. */
  constructor(deps: MirrorPodsDependencies, onMirror: (hash: string, mirror: Pod | undefined) => void) {
    this.#deps = deps;
    this.#onMirror = onMirror;
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** A static pod that shall be seen in the API. */
  add(pod: Pod): void {
    this.#wanted.set(keyOf(pod), pod);
    this.#look(keyOf(pod));
  }

  remove(pod: Pod): void {
    const name = keyOf(pod);
    if (this.#wanted.get(name)?.metadata?.uid !== pod.metadata?.uid) return;
    this.#wanted.delete(name);
    this.#look(name);
  }

  /** What the API has, or no longer has. */
  observe(mirror: Pod, isGone: boolean): void {
    const name = keyOf(mirror);
    if (isGone) this.#found.delete(name);
    else this.#found.set(name, mirror);
    this.#onMirror(mirroredHash(mirror) ?? '', isGone ? undefined : mirror);
    this.#look(name);
  }

  /** Tries all again: the node may be known now. */
  lookAtAll(): void {
    for (const name of this.#wanted.keys()) this.#look(name);
  }

  async stop(): Promise<void> {
    for (const retry of this.#retries.values()) retry[Symbol.dispose]();
    await this.#tasks.stop();
  }

  #look(name: string): void {
    if (!this.#rounds.isWaiting(name)) this.#tasks.run('mirror pod', () => this.#rounds.next(name));
  }

  async #reconcile(name: string): Promise<void> {
    const wanted = this.#wanted.get(name);
    const found = this.#found.get(name);
    const { signal } = this.#tasks;
    try {
      if (found && (!wanted || !isCopyOf(found, wanted))) await this.#delete(found, signal);
      else if (wanted && !found) await this.#create(wanted, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.#deps.logger.warn('mirror pod could not be put right', { pod: name, error: errorMessage(error) });
      this.#retries.get(name)?.[Symbol.dispose]();
      this.#retries.set(
        name,
        this.#deps.clock.after(RETRY_MS, () => this.#look(name)),
      );
    }
  }

  async #delete({ metadata }: Pod, signal: AbortSignal): Promise<void> {
    const { name = '', namespace, uid = '' } = metadata ?? {};
    const options = { gracePeriodSeconds: 0, preconditions: { uid }, signal };
    try {
      await this.#deps.client.resource(Pod).delete({ name, namespace }, options);
    } catch (error) {
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }

  async #create(pod: Pod, signal: AbortSignal): Promise<void> {
    const { uid } = this.#deps.node().metadata ?? {};
    if (uid === undefined) return; // It is looked at again when the node is registered.
    try {
      await this.#deps.client.resource(Pod).create(mirrorOf(pod, this.#deps.nodeName, uid), { signal });
    } catch (error) {
      // There already: it will be told of.
      if (!isReason(error, 'AlreadyExists')) throw error;
    }
  }
}

/** Pure: the copy of a static pod. It goes with its node. */
function mirrorOf({ metadata = {}, spec }: Pod, nodeName: string, nodeUid: string): Pod {
  const { annotations, labels, name = '', namespace, uid = '' } = metadata;
  const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: nodeUid, controller: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      ...(labels && { labels }),
      annotations: { ...annotations, [CONFIG_ANNOTATIONS.mirror]: uid },
      ownerReferences: [owner],
    },
    ...(spec && { spec }),
  };
}

function isCopyOf(mirror: Pod, pod: Pod): boolean {
  return mirror.metadata?.deletionTimestamp === undefined && mirroredHash(mirror) === pod.metadata?.uid;
}
