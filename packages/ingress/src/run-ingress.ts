import { createOperator, type OperatorOptions, type RunningOperator } from '@keelson/controller-runtime';
import { IngressController } from './ingress-controller.ts';
import type { IngressOptions } from './options.ts';

export type IngressOperatorOptions = IngressOptions &
  Pick<OperatorOptions, 'config' | 'client' | 'clock' | 'logger' | 'logLevel' | 'statusPort'>;

/** An Ingress controller with all that it needs: a client by kubeconfig or service account, informers, events, metrics. Not yet started. */
export async function createIngress(
  options: IngressOperatorOptions = {},
): Promise<{ readonly operator: RunningOperator; readonly ingress: IngressController }> {
  const made = Promise.withResolvers<IngressController>();
  const operator = await createOperator({
    ...options,
    name: 'keelson-ingress',
    setUp: ({ manager, ...world }) => {
      const ingress = new IngressController(world, options);
      manager.add(ingress);
      made.resolve(ingress);
    },
  });
  return { operator, ingress: await made.promise };
}
