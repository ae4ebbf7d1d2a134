import type { ValidatingWebhook, ValidatingWebhookConfiguration } from '@keelson/api/admissionregistration/v1';
import type { AdmissionRequest, AdmissionValidator } from '../admission.ts';
import { Configurations } from '../dynamic/configurations.ts';
import { hooksOf, type Hook } from './hooks.ts';
import { WebhookCaller, type WebhookSources } from './webhook-caller.ts';

/** ValidatingWebhookConfigurations: all webhooks that want to see a request are asked at the same time. */
export class ValidatingWebhooks implements AdmissionValidator {
  readonly name = 'ValidatingAdmissionWebhook';
  readonly #caller: WebhookCaller;
  readonly #configurations: Configurations<ValidatingWebhookConfiguration, readonly Hook<ValidatingWebhook>[]>;

  constructor(sources: WebhookSources) {
    this.#caller = new WebhookCaller(sources, 'validating');
    this.#configurations = new Configurations(sources, 'validatingwebhookconfigurations', hooksOf<ValidatingWebhook>);
  }

  metricsText(): string {
    return this.#caller.metrics.text();
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const hooks = (await this.#configurations.all()).flat();
    if (hooks.length === 0 || this.#caller.matcher.isExempt(request)) return;
    const asked = await Promise.allSettled(hooks.map((hook) => this.#ask(hook, request)));
    // The first of them, in order of the configurations: the answer does not depend on who was fastest.
    const refused = asked.find((outcome) => outcome.status === 'rejected');
    if (refused) throw refused.reason;
  }

  async #ask(hook: Hook, request: AdmissionRequest): Promise<void> {
    const seen = await this.#caller.wants(hook, request);
    if (seen) await this.#caller.call(hook, request, seen);
  }
}
