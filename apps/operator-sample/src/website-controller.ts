import { formatTime, namespaceOf, nameOf, setCondition } from '@keelson/api';
import { Deployment } from '@keelson/api/apps/v1';
import { ConfigMap, Service } from '@keelson/api/core/v1';
import { errorMessage, isReason, type Clock } from '@keelson/base';
import {
  applySet,
  generationChanged,
  anyOf,
  deletionChanged,
  patchStatusIfChanged,
  type ControllerDefinition,
  type Reconciling,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { Gauge, type Registry } from 'prom-client';
import { partsOf, Website } from './website.ts';

export const FINALIZER = 'sample.keelson.dev/drain';
const FIELD_MANAGER = 'operator-sample';
const LOOK_AGAIN_MS = 1_000;

interface Dependencies {
  readonly clock: Clock;
  readonly metrics: Registry;
}

/** Keeps a ConfigMap, a Deployment and a Service for each website, and lets its pods end before they go. */
export function websiteController({ clock, metrics }: Dependencies): ControllerDefinition<Website> {
  const ready = new Gauge({ name: 'websites_ready', help: 'Websites all of whose pods are available', registers: [metrics] });
  const known = new Map<string, boolean>();
  return {
    name: 'website',
    for: Website,
    // What this controller writes into the status brings it nothing new.
    when: anyOf<Website>(generationChanged, deletionChanged),
    owns: [ConfigMap, Deployment, Service],
    finalizer: { name: FINALIZER, cleanUp: (site, context) => drain(site, context).finally(() => known.delete(idOf(site))) },
    reconcile: async (site, context) => {
      const isReady = await keep(site, context, clock);
      if (known.get(idOf(site)) === false && isReady) context.events.event(site, 'Normal', 'Ready', 'All pods are available');
      known.set(idOf(site), isReady);
      ready.set([...known.values()].filter(Boolean).length);
    },
    options: { concurrency: 4 },
  };
}

function idOf(site: Website): string {
  return `${namespaceOf(site)}/${nameOf(site)}`;
}

/** Makes the parts be there, and reports. Gives whether the website is ready. */
async function keep(site: Website, context: Reconciling, clock: Clock): Promise<boolean> {
  const owner = { kind: Website, object: site };
  try {
    await applySet(partsOf(site), { client: context.client, fieldManager: FIELD_MANAGER, owner });
  } catch (error) {
    if (!isReason(error, 'Conflict', 'Invalid', 'Forbidden')) throw error;
    // Nothing that trying again soon would help: somebody else has the name or the field.
    context.events.event(site, 'Warning', 'NotApplied', errorMessage(error));
    await report(site, context, { status: 'False', reason: 'NotApplied', message: errorMessage(error), available: 0 }, clock);
    return false;
  }
  const deployment = context.cached(Deployment).get(nameOf(site), namespaceOf(site));
  const available = deployment?.status?.availableReplicas ?? 0;
  const isReady = available === site.spec.replicas;
  const message = `${available} of ${site.spec.replicas} pods are available`;
  await report(
    site,
    context,
    { status: isReady ? 'True' : 'False', reason: isReady ? 'Available' : 'Progressing', message, available },
    clock,
  );
  return isReady;
}

interface Report {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly available: number;
}

async function report(site: Website, { client }: Reconciling, { available, ...condition }: Report, clock: Clock): Promise<void> {
  const observedGeneration = site.metadata?.generation;
  const conditions = setCondition(
    site.status?.conditions,
    {
      type: 'Ready',
      lastTransitionTime: formatTime(clock.now()),
      ...condition,
      ...(observedGeneration !== undefined && { observedGeneration }),
    },
    clock.now(),
  );
  await patchStatusIfChanged(client, Website, site, { observedGeneration, availableReplicas: available, conditions });
}

/** Before a website goes, its pods end while its Service is still there. */
async function drain(site: Website, context: Reconciling): Promise<ReconcileResult | void> {
  const { client, cached } = context;
  const deployment = cached(Deployment).get(nameOf(site), namespaceOf(site));
  if (!deployment || (deployment.spec?.replicas === 0 && (deployment.status?.replicas ?? 0) === 0)) return;
  if (deployment.spec?.replicas !== 0) {
    await client
      .resource(Deployment)
      .patch({ name: nameOf(site), namespace: namespaceOf(site) }, 'merge', { spec: { replicas: 0 } });
  }
  return { requeueAfterMs: LOOK_AGAIN_MS };
}
