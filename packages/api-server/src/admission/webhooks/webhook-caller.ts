import { badRequest, forbidden } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { Authorizer } from '../../auth/contracts.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { Services } from '../../verbs/call.ts';
import { WebhookFailure, type WebhookClient } from '../../webhooks/webhook-client.ts';
import type { AdmissionRequest } from '../admission.ts';
import { AdmissionSession } from '../dynamic/expressions.ts';
import { judgeConditions } from '../dynamic/match-conditions.ts';
import { RequestMatcher } from '../dynamic/request-matcher.ts';
import { objectsSeen, reviewRequest } from '../dynamic/review-request.ts';
import type { Hook } from './hooks.ts';
import { decodeReview, encodeReview, refusal, reviewVersion, type Verdict } from './review.ts';
import { WebhookMetrics } from './webhook-metrics.ts';

const DEFAULT_TIMEOUT_SECONDS = 10;

export interface WebhookSources extends Pick<Services, 'registry' | 'storages' | 'clock' | 'logger'> {
  readonly client: WebhookClient;
  readonly authorizer: () => Authorizer | undefined;
}

/** A webhook that has let a request pass. */
export interface Passed {
  readonly verdict: Verdict;
  /** The version in which it has seen the request. */
  readonly seen: ResourceDefinition;
}

/** Finds out which webhooks are to be asked, asks them, and deals with those that fail. */
export class WebhookCaller {
  readonly matcher: RequestMatcher;
  readonly metrics: WebhookMetrics;
  readonly #sources: WebhookSources;
  readonly #mayPatch: boolean;

  constructor(sources: WebhookSources, type: 'admit' | 'validating') {
    this.#sources = sources;
    this.matcher = new RequestMatcher(sources);
    this.metrics = new WebhookMetrics(type);
    this.#mayPatch = type === 'admit';
  }

  /** The version in which the webhook is to see the request; `undefined` if it is not to be asked. */
  async wants(hook: Hook, request: AdmissionRequest): Promise<ResourceDefinition | undefined> {
    const seen = await this.matcher.match(request, hook.match);
    if (!seen || hook.conditions.conditions.length === 0) return seen;
    const session = new AdmissionSession(request, this.#sources.authorizer());
    const values = {
      ...objectsSeen(request, seen),
      request: reviewRequest(request, seen),
      namespaceObject: await this.matcher.namespaceOf(request),
    };
    const verdict = await judgeConditions(hook.conditions, session, session.variables(values));
    if (!('error' in verdict)) return verdict.matches ? seen : undefined;
    if (hook.webhook.failurePolicy === 'Ignore') return undefined;
    throw forbidden(request.resource, request.name, verdict.error);
  }

  /** Asks the webhook. Gives nothing if it failed and may be ignored; rejects if it refuses, or failed and may not be. */
  async call(hook: Hook, request: AdmissionRequest, seen: ResourceDefinition): Promise<Passed | undefined> {
    const { name, sideEffects } = hook.webhook;
    if (request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
      throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
    }
    const started = this.#sources.clock.monotonic();
    const done = (rejected: boolean) => {
      this.metrics.called(name, request.operation, { rejected, durationMs: this.#sources.clock.monotonic() - started });
    };
    let verdict: Verdict;
    try {
      verdict = await this.#ask(hook, request, seen);
    } catch (error) {
      if (!(error instanceof WebhookFailure)) throw error;
      const ignored = hook.webhook.failurePolicy === 'Ignore';
      done(!ignored);
      this.#failed(hook, request, { error, ignored });
      return undefined;
    }
    done(!verdict.allowed);
    for (const warning of verdict.warnings) request.warn(warning);
    for (const [key, value] of Object.entries(verdict.auditAnnotations)) this.#annotate(request, `${name}/${key}`, value);
    if (verdict.allowed) return { verdict, seen };
    const refused = refusal(name, verdict.status);
    this.metrics.rejected(name, request.operation, { error: 'no_error', code: refused.code });
    throw refused;
  }

  async #ask({ webhook }: Hook, request: AdmissionRequest, seen: ResourceDefinition): Promise<Verdict> {
    const version = reviewVersion(webhook.admissionReviewVersions);
    const review = reviewRequest(request, seen);
    const body = encodeReview(version, review, objectsSeen(request, seen));
    const text = await this.#sources.client.post(webhook.clientConfig, body, webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS);
    return decodeReview(text, version, review, this.#mayPatch);
  }

  #failed(
    { webhook: { name } }: Hook,
    request: AdmissionRequest,
    { error, ignored }: { error: WebhookFailure; ignored: boolean },
  ): void {
    if (ignored) {
      this.#sources.logger.warn('webhook failed and is ignored', { webhook: name, error: error.message });
      this.metrics.failedOpen(name);
      return;
    }
    this.metrics.rejected(name, request.operation, { error: 'calling_webhook_error', code: 500 });
    const text = `Internal error occurred: failed calling webhook ${JSON.stringify(name)}: failed to call webhook: ${error.message}`;
    throw new KeelsonError('InternalError', text, {
      details: { causes: [{ reason: '', message: text.slice('Internal error occurred: '.length) }] },
    });
  }

  #annotate({ operation, resource, namespace, name }: AdmissionRequest, key: string, value: string): void {
    this.#sources.logger.info('audit annotation', { key, value, operation, resource: resource.resource, namespace, name });
  }
}
