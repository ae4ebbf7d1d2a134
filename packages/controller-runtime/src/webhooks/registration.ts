import { apiVersionOf } from '@keelson/api';
import {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
  type MutatingWebhook,
  type ValidatingWebhook,
} from '@keelson/api/admissionregistration/v1';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import type { Client } from '@keelson/client';
import { createOrUpdate } from '../apply.ts';
import type { AdmissionWebhook } from './admission.ts';
import type { Conversion } from './conversion.ts';

/** Where the API server reaches the webhooks: a Service of the cluster, or a URL without a path. */
export type WebhookAddress =
  | { readonly service: { readonly name: string; readonly namespace: string; readonly port?: number } }
  | { readonly url: string };

export interface Registration {
  /** Of both configurations. */
  readonly name: string;
  readonly address: WebhookAddress;
  readonly admission: readonly AdmissionWebhook[];
  readonly conversions: readonly Conversion[];
}

/** Tells the API server of webhooks and whom to trust: both configurations, and the conversion of each CustomResourceDefinition. */
export async function registerWebhooks(client: Client, registration: Registration, caBundle: string): Promise<void> {
  const { name, conversions } = registration;
  const { mutating, validating } = webhookConfigurations(registration, caBundle);
  if (mutating)
    await createOrUpdate(client, MutatingWebhookConfiguration, { name }, (known) => ({ ...known, ...withMeta(known, mutating) }));
  if (validating)
    await createOrUpdate(client, ValidatingWebhookConfiguration, { name }, (known) => ({
      ...known,
      ...withMeta(known, validating),
    }));
  for (const conversion of conversions) {
    const webhook = {
      clientConfig: clientConfig(registration.address, conversion.path, caBundle),
      conversionReviewVersions: ['v1'],
    };
    const where = { name: `${conversion.resource}.${conversion.group}` };
    await client
      .resource(CustomResourceDefinition)
      .patch(where, 'merge', { spec: { conversion: { strategy: 'Webhook', webhook } } });
  }
}

/** The configurations as manifests. Without a bundle, for whoever puts one in. */
export function webhookConfigurations(
  { name, address, admission }: Registration,
  caBundle?: string,
): { readonly mutating?: MutatingWebhookConfiguration; readonly validating?: ValidatingWebhookConfiguration } {
  const of = (type: AdmissionWebhook['type']): readonly AdmissionWebhook[] => admission.filter((each) => each.type === type);
  const metadata = { name };
  const apiVersion = apiVersionOf(MutatingWebhookConfiguration);
  const mutating: MutatingWebhook[] = of('mutating').map((each) => ({
    ...entry(each, address, caBundle),
    ...(each.options.reinvocationPolicy && { reinvocationPolicy: each.options.reinvocationPolicy }),
  }));
  const validating: ValidatingWebhook[] = of('validating').map((each) => entry(each, address, caBundle));
  return {
    ...(mutating.length > 0 && { mutating: { apiVersion, kind: 'MutatingWebhookConfiguration', metadata, webhooks: mutating } }),
    ...(validating.length > 0 && {
      validating: { apiVersion, kind: 'ValidatingWebhookConfiguration', metadata, webhooks: validating },
    }),
  };
}

function entry({ kind, path, type, options }: AdmissionWebhook, address: WebhookAddress, caBundle?: string): ValidatingWebhook {
  const {
    operations = ['CREATE', 'UPDATE'],
    failurePolicy,
    timeoutSeconds,
    namespaceSelector,
    objectSelector,
    matchConditions,
  } = options;
  const suffix = kind.group === '' ? 'core' : kind.group;
  return {
    name: `${type}.${kind.resource}.${suffix}`,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    clientConfig: clientConfig(address, path, caBundle),
    rules: [
      {
        apiGroups: [kind.group],
        apiVersions: [kind.version],
        resources: [kind.resource],
        operations: [...operations],
        scope: kind.namespaced ? 'Namespaced' : 'Cluster',
      },
    ],
    ...(failurePolicy && { failurePolicy }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(namespaceSelector && { namespaceSelector: structuredClone(namespaceSelector) as never }),
    ...(objectSelector && { objectSelector: structuredClone(objectSelector) as never }),
    ...(matchConditions && { matchConditions: [...matchConditions] }),
  };
}

function clientConfig(address: WebhookAddress, path: string, caBundle: string | undefined) {
  const bundle = caBundle === undefined ? {} : { caBundle: Buffer.from(caBundle).toString('base64') };
  if ('url' in address) return { url: `${address.url}${path}`, ...bundle };
  const { name, namespace, port = 443 } = address.service;
  return { service: { name, namespace, port, path }, ...bundle };
}

type WithWebhooks = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;

/** What the server has set on each webhook stays, so that registering the same again is no change. */
function withMeta<T extends WithWebhooks>(known: T | undefined, wanted: T): T {
  const old = new Map((known?.webhooks ?? []).map((each) => [each.name, each] as const));
  const webhooks = (wanted.webhooks ?? []).map((each) => ({
    ...old.get(each.name),
    ...each,
    rules: rulesOf(old.get(each.name), each),
  }));
  return { ...wanted, metadata: { ...known?.metadata, ...wanted.metadata }, webhooks };
}

function rulesOf(old: ValidatingWebhook | undefined, wanted: ValidatingWebhook): ValidatingWebhook['rules'] {
  return (wanted.rules ?? []).map((rule, at) => ({ ...old?.rules?.[at], ...rule }));
}
