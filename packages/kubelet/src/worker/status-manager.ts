import { Backoff, errorMessage, isReason, TaskGroup, type Clock, type Logger } from '@keelson/base';
import { deepEqual, findCondition } from '@keelson/api';
import { Pod, type PodCondition, type PodStatus } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import { PASSING_CONDITIONS } from '../pod/pod-conditions.ts';
import { isStatic } from '../static-pods/static-pod.ts';
import { within } from '../within.ts';

export interface StatusManagerDependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Entry {
  /** Where it is written; nowhere yet for a static pod that has no copy in the API. */
  pod: Pod | undefined;
  desired: PodStatus;
  /** What the API is known to have, of the fields that are ours. */
  written: PodStatus;
  writing: Promise<void> | undefined;
  /** Of our last write. */
  resourceVersion: string | undefined;
}

/** The fields of a pod's status that a kubelet owns. Conditions are merged by type, and only its own types are sent. */
const FIELDS = [
  'phase',
  'reason',
  'message',
  'hostIP',
  'hostIPs',
  'podIP',
  'podIPs',
  'startTime',
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
  'qosClass',
  'observedGeneration',
] as const;

/** A write that takes longer is tried again: its connection may be dead. */
const WRITE_MS = 30_000;

/** Writes pod statuses to the API: the newest one of each pod, only what has changed, again until it is taken. */
export class StatusManager {
  readonly #deps: StatusManagerDependencies;
  readonly #tasks: TaskGroup;
  readonly #entries = new Map<string, Entry>();
  /** Copies of static pods in the API, by the UID of the static pod. */
  readonly #mirrors = new Map<string, Pod>();

  constructor(deps: StatusManagerDependencies) {
    this.#deps = deps;
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** The newest status, written or not. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.desired;
  }

  /** Takes a status to be written. `pod` is what the API has now. */
  set(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata?.uid ?? '';
    const entry = this.#entries.get(uid);
    const target = isStatic(pod) ? this.#mirrors.get(uid) : pod;
    if (!entry) {
      const written = target?.status ?? {};
      this.#entries.set(uid, { pod: target, desired: status, written, writing: undefined, resourceVersion: undefined });
    } else {
      entry.desired = status;
      if (target) take(entry, target);
    }
    this.#write(uid);
  }

  /** The copy of a static pod that is there now, if one is: it gets the status of the pod. */
  setMirror(staticUid: string, mirror: Pod | undefined): void {
    const old = this.#mirrors.get(staticUid);
    if (mirror) this.#mirrors.set(staticUid, mirror);
    else this.#mirrors.delete(staticUid);
    const entry = this.#entries.get(staticUid);
    if (!entry) return;
    if (old?.metadata?.uid !== mirror?.metadata?.uid) entry.resourceVersion = undefined;
    if (mirror) take(entry, mirror);
    else entry.pod = undefined;
    this.#write(staticUid);
  }

  /** The API has this now: if somebody else has changed what is ours, it is written again. */
  observe(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const entry = this.#entries.get(uid);
    if (!entry) return;
    take(entry, pod);
    this.#write(uid);
  }

  /** Resolves once the newest status is written, or the pod is gone. */
  async flush(uid: string): Promise<void> {
    for (let entry = this.#entries.get(uid); entry?.writing; entry = this.#entries.get(uid)) await entry.writing;
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  #write(uid: string): void {
    const entry = this.#entries.get(uid);
    if (!entry?.pod || entry.writing || !statusPatch(entry.pod, entry.written, entry.desired)) return;
    this.#tasks.run('write pod status', (signal) => {
      entry.writing = this.#writeUntilDone(uid, entry, signal).finally(() => (entry.writing = undefined));
      return entry.writing;
    });
  }

  async #writeUntilDone(uid: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ initialMs: 100, maxMs: 10_000 });
    while (this.#entries.get(uid) === entry && !signal.aborted) {
      const { desired, pod } = entry;
      const patch = pod && statusPatch(pod, entry.written, desired);
      if (!patch) return;
      try {
        const { name = '', namespace } = pod.metadata ?? {};
        const pods = this.#deps.client.resource(Pod);
        const answer = await within({ clock: this.#deps.clock, ms: WRITE_MS, signal }, (limited) =>
          pods.patchStatus({ name, namespace }, 'strategic', patch, { signal: limited }),
        );
        // Trusted to be taken: comparing with the answer instead could go round for ever on a server that changes what it is given.
        entry.written = { ...desired };
        entry.resourceVersion = answer.metadata?.resourceVersion;
        backoff.reset();
      } catch (error) {
        if (signal.aborted || (await this.#isHopeless(pod, error, signal))) return;
        await this.#deps.clock.sleep(backoff.next(), signal);
      }
    }
  }

  async #isHopeless(pod: Pod, error: unknown, signal: AbortSignal): Promise<boolean> {
    const { name = '', namespace, uid } = pod.metadata ?? {};
    if (isReason(error, 'NotFound')) return true;
    if (isReason(error, 'Invalid')) {
      this.#deps.logger.error('pod status was refused', { pod: name, error: errorMessage(error) });
      return true;
    }
    // A conflict is either another pod of that name, or a write that has lost a race.
    if (!isReason(error, 'Conflict')) return false;
    const found = await this.#deps.client
      .resource(Pod)
      .find({ name, namespace }, { signal })
      .catch(() => pod);
    return found?.metadata?.uid !== uid;
  }
}

function take(entry: Entry, pod: Pod): void {
  entry.pod = pod;
  if (!entry.writing && hasSeen(pod, entry.resourceVersion)) entry.written = pod.status ?? {};
}

/** Whether a cache has caught up with our last write: then it is the truth, also about what others did to our fields. */
function hasSeen(pod: Pod, resourceVersion: string | undefined): boolean {
  return resourceVersion === undefined || BigInt(pod.metadata?.resourceVersion ?? '0') >= BigInt(resourceVersion);
}

/** Pure: the strategic merge patch from one status to another, or `undefined` if nothing of the kubelet's own differs. */
export function statusPatch(pod: Pod, from: PodStatus, to: PodStatus): Record<string, unknown> | undefined {
  const changes: Record<string, unknown> = {};
  for (const field of FIELDS) {
    if (to[field] === undefined && (field === 'startTime' || field === 'qosClass')) continue;
    if (!deepEqual(from[field] ?? null, to[field] ?? null)) changes[field] = to[field] ?? null;
  }
  if (changes['podIPs']) changes['podIPs'] = replaceIps(from.podIPs ?? [], to.podIPs ?? []);
  if (changes['hostIPs']) changes['hostIPs'] = replaceIps(from.hostIPs ?? [], to.hostIPs ?? []);
  const conditions = (to.conditions ?? []).flatMap((next) => conditionPatch(findCondition(from.conditions, next.type), next));
  for (const type of PASSING_CONDITIONS) {
    if (findCondition(from.conditions, type) && !findCondition(to.conditions, type)) conditions.push({ type, $patch: 'delete' });
  }
  if (conditions.length > 0) changes['conditions'] = conditions;
  if (Object.keys(changes).length === 0) return undefined;
  return { metadata: { uid: pod.metadata?.uid }, status: changes };
}

/** Conditions are merged field by field, so that what is not said any more has to be taken out by name. */
function conditionPatch(old: PodCondition | undefined, next: PodCondition): Record<string, unknown>[] {
  if (deepEqual(old, next)) return [];
  const gone = Object.keys(old ?? {}).filter((key) => next[key as keyof PodCondition] === undefined);
  return [{ ...Object.fromEntries(gone.map((key) => [key, null])), ...next }];
}

/** These lists are merged by address, so that an old one has to be taken out by name. */
function replaceIps(from: readonly { readonly ip?: string }[], to: readonly { readonly ip?: string }[]): unknown[] {
  const gone = from.filter(({ ip }) => !to.some((next) => next.ip === ip));
  return [...to, ...gone.map(({ ip }) => ({ ip, $patch: 'delete' }))];
}
