import type { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import { NO_CONVERSION, type Conversion } from './conversion.ts';
import { WebhookConversion } from './webhook-conversion.ts';

/** As the definition says. */
export function conversionOf({ spec }: Readonly<CustomResourceDefinition>, client: WebhookClient): Conversion {
  const { strategy, webhook } = spec.conversion ?? {};
  if (strategy !== 'Webhook') return NO_CONVERSION;
  const { clientConfig = {}, conversionReviewVersions = [] } = webhook ?? {};
  return new WebhookConversion(client, { config: clientConfig, reviewVersions: conversionReviewVersions });
}
