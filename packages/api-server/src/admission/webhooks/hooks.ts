import type { MutatingWebhook, ValidatingWebhook } from '@keelson/api/admissionregistration/v1';
import { admissionEnvironment } from '../dynamic/expressions.ts';
import { compileConditions, type CompiledConditions } from '../dynamic/match-conditions.ts';
import type { Match } from '../dynamic/request-matcher.ts';

export type Webhook = MutatingWebhook | ValidatingWebhook;

/** One webhook of a configuration, with what is compiled of it. */
export interface Hook<W extends Webhook = Webhook> {
  /** Unique among all of its sort. */
  readonly id: string;
  readonly webhook: W;
  readonly match: Match;
  readonly conditions: CompiledConditions;
}

/** The webhooks of a configuration, in their order. */
export function hooksOf<W extends Webhook>(configuration: {
  readonly metadata?: { readonly name?: string | undefined } | undefined;
  readonly webhooks?: readonly W[] | undefined;
}): readonly Hook<W>[] {
  const world = admissionEnvironment({});
  return (configuration.webhooks ?? []).map((webhook, index) => {
    const { rules = [], matchPolicy, namespaceSelector, objectSelector, matchConditions } = webhook;
    return {
      id: `${configuration.metadata?.name ?? ''}/${webhook.name}/${index}`,
      webhook,
      match: { rules, matchPolicy, namespaceSelector, objectSelector },
      conditions: compileConditions(matchConditions, world),
    };
  });
}
