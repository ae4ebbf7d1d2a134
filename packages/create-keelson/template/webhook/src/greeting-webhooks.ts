import { KeelsonError } from '@keelson/base';
import { mutating, validating, type AdmissionWebhook } from '@keelson/controller-runtime/webhooks';
import { Greeting } from './greeting.ts';

export const greetingWebhooks: readonly AdmissionWebhook[] = [
  mutating(Greeting, (object) => {
    object.spec.text = object.spec.text.trim();
  }),
  validating(Greeting, ({ object }) => {
    if (object?.spec.text.includes('TODO')) throw new KeelsonError('Forbidden', 'spec.text is not finished: it has a TODO');
  }),
];
