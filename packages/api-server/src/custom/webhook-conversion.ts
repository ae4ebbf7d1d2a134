import { cloneJson, internalError, type KubernetesObject, parseJson, stringifyJson } from '@keelson/api';
import type { WebhookClientConfig } from '@keelson/api/apiextensions/v1';
import type { ObjectMeta } from '@keelson/api/meta/v1';
import { errorMessage } from '@keelson/base';
import { randomUUID } from 'node:crypto';
import { isRecord } from '../structural/structural-schema.ts';
import { Field } from '../validation/field.ts';
import { checkAnnotations, checkLabels } from '../validation/metadata.ts';
import type { WebhookClient } from '../webhooks/webhook-client.ts';
import type { Conversion } from './conversion.ts';

const TIMEOUT_SECONDS = 30;
/** A call has no more than this, or one object: what is sent comes back, and answers have a limit. */
const MAX_CALL_BYTES = 4 * 1024 * 1024;

export interface WebhookConversionOptions {
  readonly config: WebhookClientConfig;
  /** Versions of ConversionReview that the webhook takes, the best first. */
  readonly reviewVersions: readonly string[];
}

/** Has a webhook convert objects: all that are wanted at one time in one call, unless they are very many. */
export class WebhookConversion implements Conversion {
  readonly #client: WebhookClient;
  readonly #options: WebhookConversionOptions;

  constructor(client: WebhookClient, options: WebhookConversionOptions) {
    this.#client = client;
    this.#options = options;
  }

  async convert(objects: readonly KubernetesObject[], apiVersion: string): Promise<readonly KubernetesObject[]> {
    const converted: KubernetesObject[] = [];
    for (const batch of batches(objects)) converted.push(...(await this.#convertBatch(batch, apiVersion)));
    return converted;
  }

  async #convertBatch(objects: readonly KubernetesObject[], apiVersion: string): Promise<readonly KubernetesObject[]> {
    const [first] = objects;
    if (!first) return [];
    const name = `conversion webhook for ${kindText(first)}`;
    const converted = await this.#ask(objects, apiVersion).catch((error: unknown) => {
      throw internalError(`${name} failed: ${errorMessage(error)}`);
    });
    if (converted.length !== objects.length) {
      throw internalError(`${name} returned ${converted.length} objects, expected ${objects.length}`);
    }
    return objects.map((original, index) => {
      try {
        return accepted(original, converted[index], apiVersion);
      } catch (error) {
        const which = objects.length === 1 ? 'invalid object' : `invalid converted object at index ${index}`;
        throw internalError(`conversion webhook for ${kindText(original)} returned ${which}: ${errorMessage(error)}`);
      }
    });
  }

  async #ask(objects: readonly KubernetesObject[], desiredAPIVersion: string): Promise<readonly unknown[]> {
    const version = this.#options.reviewVersions.find((each) => each === 'v1' || each === 'v1beta1');
    if (version === undefined) throw new Error('no supported conversion review versions');
    const apiVersion = `apiextensions.k8s.io/${version}`;
    const uid = randomUUID();
    const body = { kind: 'ConversionReview', apiVersion, request: { uid, desiredAPIVersion, objects } };
    const answer = await this.#client.post(this.#options.config, stringifyJson(body), TIMEOUT_SECONDS);
    return convertedObjects(parseJson(answer), { apiVersion, uid, isStrict: version === 'v1' });
  }
}

function batches(objects: readonly KubernetesObject[]): KubernetesObject[][] {
  const all: KubernetesObject[][] = [];
  let bytes = Infinity;
  for (const object of objects) {
    const size = stringifyJson(object).length;
    if (bytes + size > MAX_CALL_BYTES) {
      all.push([]);
      bytes = 0;
    }
    all.at(-1)?.push(object);
    bytes += size;
  }
  return all;
}

/** `stable.example.com/v1, Kind=CronTab` */
function kindText({ apiVersion, kind }: KubernetesObject): string {
  return `${apiVersion ?? ''}, Kind=${kind ?? ''}`;
}

/** What a ConversionReview brings back; the first version of it was not checked for being the answer to what was asked. */
function convertedObjects(
  answer: unknown,
  { apiVersion, uid, isStrict }: { readonly apiVersion: string; readonly uid: string; readonly isStrict: boolean },
): readonly unknown[] {
  const review = isRecord(answer) ? answer : {};
  const isReview = review.kind === 'ConversionReview' && review.apiVersion === apiVersion;
  if (isStrict && !isReview) {
    const found = kindText(review as KubernetesObject);
    throw new Error(`expected webhook response of ${apiVersion}, Kind=ConversionReview, got ${found}`);
  }
  const { response } = review;
  if (!isRecord(response)) throw new Error('no response provided');
  if (isStrict && response.uid !== uid) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  }
  const { status, message } = isRecord(response.result) ? response.result : {};
  if (status !== 'Success') {
    if (typeof message === 'string' && message !== '') throw new Error(message);
    throw new Error(`response.result.status was '${typeof status === 'string' ? status : ''}', not 'Success'`);
  }
  return Array.isArray(response.convertedObjects) ? response.convertedObjects : [];
}

/** The converted object with the metadata of the original, of which only labels and annotations may differ. */
function accepted(original: KubernetesObject, converted: unknown, apiVersion: string): KubernetesObject {
  // Checked field by field.
  const object = (isRecord(converted) ? converted : {}) as KubernetesObject;
  if (object.apiVersion !== apiVersion)
    throw new Error(`invalid groupVersion (expected ${apiVersion}, received ${object.apiVersion ?? ''})`);
  if (object.kind !== original.kind) throw new Error(`invalid kind (expected ${original.kind}, received ${object.kind ?? ''})`);
  const meta: unknown = object.metadata;
  if (meta === undefined) throw new Error('missing metadata in converted object');
  if (!isRecord(meta)) throw new Error(`invalid metadata of type ${typeof meta} in converted object`);
  for (const [field, shown] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const [before, after] = [original.metadata?.[field] ?? '', meta[field] ?? ''];
    if (before !== after) throw new Error(`must have the same ${shown}: ${before} != ${String(after)}`);
  }
  const kept: ObjectMeta = cloneJson(original.metadata ?? {});
  for (const field of ['labels', 'annotations'] as const) {
    const texts = textsOf(meta[field], field);
    if (texts) kept[field] = texts;
    else delete kept[field];
  }
  return { ...object, metadata: kept };
}

function textsOf(value: unknown, field: 'labels' | 'annotations'): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw new Error(`invalid metadata.${field} of type ${typeof value} in converted object`);
  const texts: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string')
      throw new Error(`metadata.${field}[${key}] must be a string, but is ${typeof text} in converted object`);
    texts[key] = text;
  }
  const check = field === 'labels' ? checkLabels : checkAnnotations;
  const faults = Field.collect((at) => check(texts, at.child('metadata').child(field)));
  if (faults.length === 0) return texts;
  throw new Error(faults.map((fault) => `${fault.field}: ${fault.message}`).join(', '));
}
