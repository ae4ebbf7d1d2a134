import { Lease } from '@keelson/api/coordination/v1';
import { Node, Pod } from '@keelson/api/core/v1';
import { Lifecycle } from '@keelson/base';
import { fromInformer, type Reconciler } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { LEASES, NodeMonitor } from './node-monitor.ts';
import { DEFAULTS, type NodeLifecycleOptions } from './node-options.ts';
import { changeTaints, isNothing, noScheduleChange } from './node-taints.ts';
import { PodReadiness, podReadinessSources } from './pod-readiness.ts';

const NAME = 'node-lifecycle-controller';

/**
 * `node-lifecycle-controller`: taints nodes by their conditions, declares silent nodes unreachable, makes their pods not ready, and has the
 * pods leave by NoExecute taints. The pods themselves are deleted by `taint-eviction-controller`.
 */
export function nodeLifecycleController(options: NodeLifecycleOptions = {}): ControllerFactory {
  return (context) => {
    const { client, clock, events, informers, logger } = context;
    const [nodes, pods, leases] = [informers.for(Node), informers.for(Pod), informers.for(Lease, { namespace: LEASES })];
    const taints: Reconciler = {
      reconcile: async ({ name }) => {
        const node = nodes.get(name);
        if (node) await changeTaints({ client, clock }, node, noScheduleChange);
      },
    };
    const readiness = new PodReadiness({ client, clock, events, pods, nodes });
    const sources = podReadinessSources({ pods, nodes });
    const lifecycle = new Lifecycle(logger);
    const differs = ({ object }: { readonly object: Node }): boolean => !isNothing(noScheduleChange(object));
    lifecycle.add(
      reconcilingController(
        context,
        { name: NAME, reconciler: taints, sources: [fromInformer(nodes, undefined, differs)] },
        { concurrency: 8 },
      ),
    );
    lifecycle.add(reconcilingController(context, { name: `${NAME}-pods`, reconciler: readiness, sources }, { concurrency: 8 }));
    lifecycle.add(new NodeMonitor({ client, clock, logger, events, nodes, leases, options: { ...DEFAULTS, ...options } }));
    return { name: NAME, start: (signal) => lifecycle.start(signal), stop: () => lifecycle.stop() };
  };
}
