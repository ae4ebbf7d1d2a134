import { Website } from './website.ts';
import { WebhookServer, type WebhookAddress } from '@keelson/controller-runtime/webhooks';
import type { Operator } from '@keelson/controller-runtime';
import { websiteController } from './website-controller.ts';
import { websiteWebhooks } from './website-webhooks.ts';

export const NAME = 'operator-sample';

export interface WebhookOptions {
  /** Where certificates are kept. */
  readonly namespace: string;
  /** How the API server reaches the webhooks; by a URL of this machine if absent. */
  readonly address?: WebhookAddress;
  readonly port: number;
}

/** Adds everything to an operator. Its custom resource has to be there. */
export function setUp(operator: Operator, webhooks?: WebhookOptions): void {
  operator.control(websiteController(operator));
  if (!webhooks) return;
  const { namespace, address, port } = webhooks;
  const secret = { name: `${NAME}-certificates`, namespace };
  const server = new WebhookServer(operator, {
    name: NAME,
    port,
    ...(address && { address }),
    admission: websiteWebhooks(operator.informers.for(Website)),
    conversions: [],
    certificates: { secret },
  });
  operator.manager.add(server);
}
