import { uidOf } from '@keelson/api';
import type { Job } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import { removeFinalizer, slowStartBatch, type Expectations } from '@keelson/controller-runtime';
import { isNamespaceTerminating } from '../namespace-state.ts';
import type { PodControl } from '../pod-control/pod-control.ts';
import { failuresAfter } from './index-failures.ts';
import { TRACKING } from './job-pods.ts';
import { indexedPrefix, indexedTemplate, plainTemplate } from './job-template.ts';

interface Dependencies {
  readonly client: Client;
  readonly podControl: PodControl;
  /** By the uid of the Job. */
  readonly expectations: Expectations;
}

/** A pod to be created; of no index if there are none. `replaces` if its index has limits of its own. */
export interface NewPod {
  readonly index?: number;
  readonly replaces?: Pod | undefined;
}

/** Creates, deletes and lets go the pods of Jobs. */
export class JobPodWriter {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** How many were created, and why not all. */
  async create(job: Job, wanted: readonly NewPod[]): Promise<{ readonly created: number; readonly error?: unknown }> {
    const { expectations } = this.#dependencies;
    expectations.expectCreations(uidOf(job), wanted.length);
    const { successes, error } = await slowStartBatch(wanted.length, 1, async (at) => this.#create(job, wanted[at] ?? {}));
    // What could not be created stays expected: it is not tried again before the namespace is gone, or for five minutes.
    if (isNamespaceTerminating(error)) return { created: successes };
    for (let skipped = wanted.length - successes; skipped > 0; skipped -= 1) expectations.creationObserved(uidOf(job));
    return { created: successes, error };
  }

  #create(job: Job, { index, replaces }: NewPod): Promise<Pod> {
    const { podControl } = this.#dependencies;
    if (index === undefined) return podControl.create(job, plainTemplate(job));
    const before = replaces ? failuresAfter(job, replaces) : { counted: 0, ignored: 0 };
    const failures = job.spec?.backoffLimitPerIndex === undefined ? undefined : before;
    return podControl.create(job, indexedTemplate(job, index, failures), indexedPrefix(job, index));
  }

  /** Deletes pods, and tells which are gone and why not all. If `uncounted`, what becomes of them does not count: they are let go first. */
  async delete(
    job: Job,
    pods: readonly Pod[],
    { uncounted }: { readonly uncounted: boolean },
  ): Promise<{ readonly deleted: readonly Pod[]; readonly error?: unknown }> {
    this.#dependencies.expectations.expectDeletions(uidOf(job), pods.map(uidOf));
    const results = await Promise.allSettled(pods.map((pod) => this.#delete(job, pod, uncounted)));
    const failed = results.find((result) => result.status === 'rejected');
    return { deleted: pods.filter((_, at) => results[at]?.status === 'fulfilled'), error: failed?.reason };
  }

  async #delete(job: Job, pod: Pod, uncounted: boolean): Promise<void> {
    const { client, expectations, podControl } = this.#dependencies;
    let isBegun = false;
    try {
      if (uncounted) await removeFinalizer(client, Pod, pod, TRACKING);
      isBegun = await podControl.delete(job, pod);
    } finally {
      // It was gone already, and the cache may have shown that before it was expected; or it is still there.
      if (!isBegun) expectations.deletionObserved(uidOf(job), uidOf(pod));
    }
  }

  /** Takes the finalizer off pods. */
  async release(pods: readonly Pod[]): Promise<void> {
    const { client } = this.#dependencies;
    const results = await Promise.allSettled(pods.map((pod) => removeFinalizer(client, Pod, pod, TRACKING)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
