import { deepEqual } from '@keelson/api';
import { HorizontalPodAutoscaler } from '@keelson/api/autoscaling/v2';
import { Pod } from '@keelson/api/core/v1';
import { fromInformer, type Informer, type Source } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { ServedKinds } from '../discovery/served-kinds.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { DEFAULTS, type AutoscalerOptions } from './autoscaler-options.ts';
import { AutoscalerReconciler } from './autoscaler-reconciler.ts';
import { MetricsReader } from './metrics-reader.ts';
import { ScaleTargets } from './scale-target.ts';

const CONCURRENCY = 5;

/** Gives workloads as many pods as the metrics of HorizontalPodAutoscalers ask for. */
export function horizontalPodAutoscalerController(options: AutoscalerOptions = {}): ControllerFactory {
  return (context) => {
    const { client, clock, events, informers } = context;
    const autoscalers = informers.for(HorizontalPodAutoscaler);
    const pods = informers.for(Pod);
    const targets = new ScaleTargets({ client, kinds: new ServedKinds({ client, clock }) });
    const reader = new MetricsReader(client);
    const parts = { client, clock, events, autoscalers, pods, reader, targets };
    const reconciler = new AutoscalerReconciler(parts, { ...DEFAULTS, ...options });
    const changed = fromInformer(autoscalers, undefined, (delta) => {
      if (delta.type === 'deleted') reconciler.forget(delta.object);
      // What it writes itself gives nothing to do: it looks again when its time has come.
      return delta.type !== 'updated' || !deepEqual(delta.old.spec, delta.object.spec);
    });
    const sources = [changed, knownBefore(pods)];
    const name = 'horizontal-pod-autoscaler-controller';
    return reconcilingController(context, { name, reconciler, sources }, { concurrency: CONCURRENCY });
  };
}

/** Pods must be known, and give nothing to do: what they use is asked each time anyway. */
function knownBefore(pods: Informer<Pod>): Source {
  return { whenSynced: (signal) => pods.whenSynced(signal), subscribe: () => ({ [Symbol.dispose]: () => undefined }) };
}
