import { nameOf, parseQuantity, parseTime } from '@keelson/api';
import { PodMetrics } from '@keelson/api/metrics/v1beta1';
import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import type { Client } from '@keelson/client';
import { durationMs } from './go-duration.ts';
import type { Sample, Samples } from './samples.ts';

/** Which pods: those of a namespace that a selector (as a text) selects. */
export interface Where {
  readonly namespace: string;
  readonly selector: string;
}

/** A metric that some API of the cluster offers, with its own selector as a text. */
export interface NamedMetric {
  readonly name: string;
  readonly selector: string;
}

/** What a metric of one object is about, as in the paths of the custom metrics API. */
export interface DescribedObject {
  readonly group: string;
  readonly resource: string;
  readonly namespaced: boolean;
  readonly name: string;
}

/** As the custom and external metrics APIs give it, as far as it is used. */
interface MetricValue {
  readonly describedObject?: { readonly name?: string };
  readonly timestamp?: string;
  readonly windowSeconds?: number;
  readonly value?: string;
}

const CUSTOM = ['custom.metrics.k8s.io/v1beta2', 'custom.metrics.k8s.io/v1beta1'];
const EXTERNAL = ['external.metrics.k8s.io/v1beta1'];

/** Reads the metrics APIs of a cluster. Rejects with words for the status of an autoscaler. */
export class MetricsReader {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** What pods, or one container of each, use of a resource. A pod that does not tell it of all its containers is left out. */
  async resource(resource: string, where: Where, container?: string): Promise<Samples> {
    const { namespace, selector } = where;
    const { items } = await this.#client
      .resource(PodMetrics)
      .list({ namespace, labelSelector: selector })
      .catch((error: unknown) => {
        throw failed(error, 'resource metrics API', 'pods.metrics.k8s.io');
      });
    if (items.length === 0) throw new KeelsonError('NotFound', 'no metrics returned from resource metrics API');
    const samples = new Map<string, Sample>();
    for (const metrics of items) {
      const milli = usageOf(metrics, resource, container);
      if (milli !== undefined) samples.set(nameOf(metrics), { milli, ...windowOf(metrics) });
    }
    return samples;
  }

  async pods(metric: NamedMetric, { namespace, selector }: Where): Promise<Samples> {
    const query = { labelSelector: selector, ...metricSelector(metric) };
    const path = `namespaces/${encodeURIComponent(namespace)}/pods/*/${encodeURIComponent(metric.name)}`;
    const items = await this.#values(CUSTOM, path, query);
    if (items.length === 0) throw new KeelsonError('NotFound', 'no metrics returned from custom metrics API');
    return new Map(
      items.map((item) => {
        const windowMs = (item.windowSeconds ?? 60) * 1000;
        return [item.describedObject?.name ?? '', { milli: milliOf(item), atMs: parseTime(item.timestamp) ?? 0, windowMs }];
      }),
    );
  }

  /** In thousandths. */
  async object(metric: NamedMetric, object: DescribedObject, namespace: string): Promise<number> {
    const { group, resource, namespaced, name } = object;
    const what = encodeURIComponent(group === '' ? resource : `${resource}.${group}`);
    const place = namespaced ? `namespaces/${encodeURIComponent(namespace)}/` : '';
    // Metrics of a namespace itself have a path of their own.
    const isNamespace = group === '' && resource === 'namespaces';
    const subject = isNamespace
      ? `namespaces/${encodeURIComponent(name)}/metrics`
      : `${place}${what}/${encodeURIComponent(name)}`;
    const [value] = await this.#values(CUSTOM, `${subject}/${encodeURIComponent(metric.name)}`, metricSelector(metric));
    if (!value) throw new KeelsonError('NotFound', 'no metrics returned from custom metrics API');
    return milliOf(value);
  }

  /** Each series in thousandths. */
  async external({ name, selector }: NamedMetric, namespace: string): Promise<readonly number[]> {
    const path = `namespaces/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
    const items = await this.#values(EXTERNAL, path, selector === '' ? {} : { labelSelector: selector });
    if (items.length === 0) throw new KeelsonError('NotFound', 'no metrics returned from external metrics API');
    return items.map(milliOf);
  }

  /** From the newest version that is served. */
  async #values(versions: readonly string[], path: string, query: Record<string, string>): Promise<readonly MetricValue[]> {
    const [first = '', ...others] = versions;
    try {
      const call = { method: 'GET', path: `/apis/${first}/${path}`, query } as const;
      const { body } = await this.#client.transport.request(call);
      return (body as { readonly items?: readonly MetricValue[] }).items ?? [];
    } catch (error) {
      if (others.length > 0 && isReason(error, 'NotFound')) return this.#values(others, path, query);
      const group = first.split('/')[0] ?? '';
      throw failed(error, `${group.split('.')[0]} metrics API`, group);
    }
  }
}

/** An API that is not there is told apart from one that fails, in the words of upstream's clients. */
function failed(error: unknown, api: string, what: string): KeelsonError {
  const isAbsent =
    isReason(error, 'NotFound') &&
    /404 page not found|the server answered 404|could not find the requested resource/.test(errorMessage(error));
  const why = isAbsent ? `the server could not find the requested resource (get ${what})` : errorMessage(error);
  return new KeelsonError('ServiceUnavailable', `unable to fetch metrics from ${api}: ${why}`, { cause: error });
}

function metricSelector({ selector }: NamedMetric): { metricLabelSelector?: string } {
  return selector === '' ? {} : { metricLabelSelector: selector };
}

function usageOf({ containers, metadata }: PodMetrics, resource: string, name: string | undefined): number | undefined {
  const wanted = containers.filter((each) => name === undefined || each.name === name);
  if (name !== undefined && wanted.length === 0) {
    const { namespace, name: pod } = metadata ?? {};
    throw new KeelsonError('NotFound', `container ${name} not present in metrics for pod ${namespace}/${pod}`);
  }
  let sum = 0;
  for (const { usage } of wanted) {
    const amount = usage[resource];
    if (amount === undefined) return undefined;
    sum += Number(parseQuantity(amount).milliValue());
  }
  return sum;
}

function windowOf({ timestamp, window }: PodMetrics): { atMs: number; windowMs: number } {
  return { atMs: parseTime(timestamp) ?? 0, windowMs: durationMs(window) };
}

function milliOf({ value = '0' }: MetricValue): number {
  return Number(parseQuantity(value).milliValue());
}
