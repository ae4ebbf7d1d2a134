import { applyJsonPatch, deepEqual, type KubernetesObject } from '@keelson/api';
import type { MutatingWebhook, MutatingWebhookConfiguration } from '@keelson/api/admissionregistration/v1';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { AdmissionMutator, AdmissionRequest } from '../admission.ts';
import { Configurations } from '../dynamic/configurations.ts';
import { reshape } from '../dynamic/reshape.ts';
import { seenAs } from '../dynamic/review-request.ts';
import { hooksOf, type Hook } from './hooks.ts';
import { WebhookCaller, type WebhookSources } from './webhook-caller.ts';

/** MutatingWebhookConfigurations: webhooks are asked one after the other, in order of names, each about what the ones before have made. */
export class MutatingWebhooks implements AdmissionMutator {
  readonly name = 'MutatingAdmissionWebhook';
  readonly #caller: WebhookCaller;
  readonly #configurations: Configurations<MutatingWebhookConfiguration, readonly Hook<MutatingWebhook>[]>;

  constructor(sources: WebhookSources) {
    this.#caller = new WebhookCaller(sources, 'admit');
    this.#configurations = new Configurations(sources, 'mutatingwebhookconfigurations', hooksOf<MutatingWebhook>);
  }

  metricsText(): string {
    return this.#caller.metrics.text();
  }

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const hooks = (await this.#configurations.all()).flat();
    if (hooks.length === 0 || this.#caller.matcher.isExempt(request)) return request.object;
    let { object } = request;
    for (const hook of hooks) object = await this.#apply(hook, { ...request, object });
    return object;
  }

  async #apply(
    hook: Hook<MutatingWebhook>,
    request: AdmissionRequest & { readonly object: KubernetesObject },
  ): Promise<KubernetesObject> {
    const { reinvocation, object } = request;
    if (reinvocation?.isSkipped(hook.id)) return object;
    const seen = await this.#caller.wants(hook, request);
    const passed = seen && (await this.#caller.call(hook, request, seen));
    const changed =
      passed?.verdict.patch === undefined ? object : patched(hook, object, { patch: passed.verdict.patch, seen: passed.seen });
    const hasChanged = changed !== object && !deepEqual(changed, object);
    if (hasChanged) reinvocation?.noteChange();
    if (passed && hook.webhook.reinvocationPolicy === 'IfNeeded') reinvocation?.noteCalled(hook.id);
    return hasChanged ? changed : object;
  }
}

function patched(
  { webhook: { name } }: Hook,
  object: KubernetesObject,
  { patch, seen }: { readonly patch: unknown; readonly seen: ResourceDefinition },
): KubernetesObject {
  try {
    return reshape(applyJsonPatch(seenAs(object, seen), patch), seen);
  } catch (error) {
    const text = `Internal error occurred: failed to apply the patch of admission webhook ${JSON.stringify(name)}: ${errorMessage(error)}`;
    throw new KeelsonError('InternalError', text, { cause: error });
  }
}
