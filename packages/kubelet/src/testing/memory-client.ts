import {
  applyMergePatch,
  applyStrategicMergePatch,
  deepEqual,
  deepFreeze,
  formatTime,
  type Kind,
  type KubernetesObject,
} from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { KeelsonError, type Clock } from '@keelson/base';
import type { Client, DeleteOptions, ObjectName, PatchType, ResourceClient, SubresourceCall, Transport } from '@keelson/client';
import { concat, defer, of, Subject } from 'rxjs';
import type { PodDelta, PodSource } from '../ports.ts';

/** An API in memory with just what a kubelet asks for: get, create, patch, delete with grace, tokens. For tests of the kubelet alone. */
export class MemoryClient implements Client {
  readonly transport = {} as Transport;
  readonly objects = new Map<string, KubernetesObject>();
  /** Writes in order: `patch pods/status web`... */
  readonly writes: string[] = [];
  down = false;
  /** So many patches to come fail as if they had lost a race. */
  conflicts = 0;
  readonly #deltas = new Subject<readonly PodDelta[]>();
  readonly #clock: Clock;
  #version = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The pods of one node, as an informer has them. */
  podsOf(nodeName: string): PodSource {
    const list = () =>
      [...this.objects]
        .flatMap(([key, object]) => (key.startsWith('pods/') ? [object as Pod] : []))
        .filter((pod) => pod.spec?.nodeName === nodeName);
    const initial = defer(() => of(list().map((object): PodDelta => ({ type: 'added', object, initial: true }))));
    return { deltas$: concat(initial, this.#deltas), list, whenSynced: async () => undefined };
  }

  resource<T extends KubernetesObject>(kind: Kind<T>): ResourceClient<T> {
    const verbs = {
      get: async (name: ObjectName) => this.#need(kind, name),
      find: async (name: ObjectName) => {
        this.#check();
        return this.objects.get(keyFor(kind, name));
      },
      create: async (object: T) => this.create(kind, object),
      patch: async (name: ObjectName, type: PatchType, patch: unknown) =>
        this.#patch(kind, name, { type, patch, subresource: '' }),
      patchStatus: async (name: ObjectName, type: PatchType, patch: unknown) =>
        this.#patch(kind, name, { type, patch, subresource: '/status' }),
      delete: async (name: ObjectName, options?: DeleteOptions) => this.#delete(kind, name, options),
      subresource: async (name: ObjectName, call: SubresourceCall) => this.#token(name, call),
    };
    // Only the verbs that the kubelet calls are there; a test that reaches another one fails on it.
    return verbs as unknown as ResourceClient<T>;
  }

  create<T extends KubernetesObject>(kind: Kind<T>, object: T): T {
    this.#check();
    const { name = '', namespace } = object.metadata ?? {};
    const key = keyFor(kind, { name, namespace });
    if (this.objects.has(key)) throw new KeelsonError('AlreadyExists', `${key} already exists`);
    const stamp = { uid: `uid-${name}-${this.#version}`, creationTimestamp: formatTime(this.#clock.now()), generation: 1 };
    return this.#put(key, { ...structuredClone(object), metadata: { ...stamp, ...object.metadata } }, 'added');
  }

  /** As a user or controller changes it. */
  change<T extends KubernetesObject>(kind: Kind<T>, name: ObjectName, mutate: (object: T) => void): T {
    const object = structuredClone(this.#need(kind, name));
    mutate(object);
    return this.#put(keyFor(kind, name), object, 'updated');
  }

  read<T extends KubernetesObject>(kind: Kind<T>, name: ObjectName): T | undefined {
    return this.objects.get(keyFor(kind, name)) as T | undefined;
  }

  /** As a user deletes a pod. */
  deletePod(kind: Kind<Pod>, name: ObjectName, graceSeconds: number): void {
    this.change(kind, name, (pod) => {
      pod.metadata = {
        ...pod.metadata,
        deletionTimestamp: formatTime(this.#clock.now() + graceSeconds * 1000),
        deletionGracePeriodSeconds: graceSeconds,
      };
    });
  }

  /** Gone at once, whatever runs. */
  remove<T extends KubernetesObject>(kind: Kind<T>, name: ObjectName): void {
    const key = keyFor(kind, name);
    const object = this.objects.get(key);
    this.objects.delete(key);
    if (object && key.startsWith('pods/')) this.#deltas.next([{ type: 'deleted', object: object as Pod }]);
  }

  #patch<T extends KubernetesObject>(
    kind: Kind<T>,
    name: ObjectName,
    call: { type: PatchType; patch: unknown; subresource: string },
  ): T {
    this.#check();
    const old = this.#need(kind, name);
    if (this.conflicts > 0 && kind.resource === 'pods') {
      this.conflicts -= 1;
      throw new KeelsonError('Conflict', 'the object has been modified');
    }
    const wantedUid = (call.patch as KubernetesObject).metadata?.uid;
    if (wantedUid !== undefined && wantedUid !== old.metadata?.uid) throw new KeelsonError('Conflict', 'uid mismatch');
    const next = (call.type === 'strategic' ? strategic(kind, old, call.patch) : applyMergePatch(old, call.patch)) as T;
    if (deepEqual(old, next)) return old;
    this.writes.push(`patch ${kind.resource}${call.subresource} ${name.name}`);
    return this.#put(keyFor(kind, name), structuredClone(next), 'updated');
  }

  #delete<T extends KubernetesObject>(kind: Kind<T>, name: ObjectName, options: DeleteOptions = {}): void {
    this.#check();
    const old = this.#need(kind, name);
    if (options.preconditions?.uid !== undefined && options.preconditions.uid !== old.metadata?.uid)
      throw new KeelsonError('Conflict', 'uid mismatch');
    this.writes.push(`delete ${kind.resource} ${name.name} ${options.gracePeriodSeconds}`);
    this.remove(kind, name);
  }

  async #token(name: ObjectName, { body }: SubresourceCall): Promise<unknown> {
    this.#check();
    this.writes.push(`token ${name.name}`);
    const seconds = (body as { spec: { expirationSeconds: number } }).spec.expirationSeconds;
    return {
      status: { token: `token-${this.writes.length}`, expirationTimestamp: formatTime(this.#clock.now() + seconds * 1000) },
    };
  }

  #put<T extends KubernetesObject>(key: string, object: T, type: 'added' | 'updated'): T {
    this.#version += 1;
    const old = this.objects.get(key) as Pod | undefined;
    const next = deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } });
    this.objects.set(key, next);
    if (!key.startsWith('pods/')) return next;
    const pod = next as Pod;
    this.#deltas.next([type === 'updated' && old ? { type, object: pod, old } : { type: 'added', object: pod, initial: false }]);
    return next;
  }

  #need<T extends KubernetesObject>(kind: Kind<T>, name: ObjectName): T {
    this.#check();
    const found = this.objects.get(keyFor(kind, name));
    if (!found) throw new KeelsonError('NotFound', `${kind.resource} "${name.name}" not found`);
    return found as T;
  }

  #check(): void {
    if (this.down) throw new KeelsonError('ServiceUnavailable', 'the API is down');
  }
}

function strategic(kind: Kind, old: unknown, patch: unknown): unknown {
  return applyStrategicMergePatch(
    old,
    patch,
    `${kind.group === '' ? 'core' : kind.group.split('.')[0]}.${kind.version}.${kind.kind}`,
  );
}

function keyFor(kind: Pick<Kind, 'resource'>, { name, namespace }: ObjectName): string {
  return `${kind.resource}/${namespace ?? ''}/${name}`;
}
