import type { Operator } from '@keelson/controller-runtime';
import { WebhookServer, type WebhookAddress } from '@keelson/controller-runtime/webhooks';
import { addControllers, admission } from './apis.ts';

export const NAME = 'greeting-operator';

export interface WebhookOptions {
  readonly namespace: string;
  readonly port: number;
  /** How the API server reaches the webhooks; on this machine if absent. */
  readonly address?: WebhookAddress;
}

/** Adds everything to an operator. */
export function setUp(operator: Operator, { namespace, port, address }: WebhookOptions): void {
  if (admission.length > 0)
    operator.manager.add(
      new WebhookServer(operator, {
        name: NAME,
        port,
        ...(address && { address }),
        admission,
        conversions: [],
        certificates: { secret: { name: `${NAME}-certificates`, namespace } },
      }),
    );
  addControllers(operator);
}
