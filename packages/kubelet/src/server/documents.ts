import type { Clock } from '@keelson/base';
import { stringifyJson } from '@keelson/api';
import { PROMETHEUS } from '../stats/exposition.ts';
import { kubeletFamilies } from '../stats/kubelet-families.ts';
import type { KubeletMetrics } from '../stats/kubelet-metrics.ts';
import { healthz } from './healthz.ts';
import type { NodeApi } from './node-api.ts';

export interface DocumentSources {
  readonly api: NodeApi;
  readonly clock: Clock;
  readonly metrics: KubeletMetrics;
  /** What `/configz` shows. */
  readonly config: () => unknown;
  /** When all of the runtime was looked at last, by the monotonic clock. */
  readonly lastLookMs: () => number;
}

export interface Document {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';

/** What a GET of a path gives, as far as that is a document and no stream. `undefined`: nothing is there. */
export async function documentAt(url: URL, sources: DocumentSources): Promise<Document | undefined> {
  const path = url.pathname.replace(/(?<=.)\/$/, '');
  const known = Object.hasOwn(DOCUMENTS, path) ? DOCUMENTS[path] : undefined;
  if (known) return known(sources, url.searchParams);
  if (path !== '/healthz' && !path.startsWith('/healthz/')) return undefined;
  const health = healthz(path, sources, url.searchParams.has('verbose'));
  return health && { ...health, type: TEXT };
}

type MakeDocument = (sources: DocumentSources, query: URLSearchParams) => Promise<Document>;

const DOCUMENTS: Readonly<Record<string, MakeDocument>> = {
  '/pods': async ({ api }) => podList(api.pods()),
  '/runningpods': async ({ api }) => podList(api.runningPods()),
  '/configz': async ({ config }) => json({ kubeletconfig: config() }),
  '/stats/summary': async ({ api }, query) => json(await api.stats.summary(query.get('only_cpu_and_memory') === 'true')),
  '/metrics': async ({ api, metrics }) => {
    const volumes = await api.stats.volumeMetrics(api.runningPods());
    return prometheus(`${kubeletFamilies(api)}${volumes}${await metrics.own.metrics()}`);
  },
  '/metrics/probes': async ({ metrics }) => prometheus(await metrics.probes.metrics()),
  '/metrics/resource': async ({ api }) => prometheus(await api.stats.resourceMetrics()),
  '/metrics/cadvisor': async ({ api }) => prometheus(await api.stats.containerMetrics()),
};

function podList(items: readonly unknown[]): Document {
  return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items });
}

function json(value: unknown): Document {
  return { code: 200, type: 'application/json', body: stringifyJson(value) };
}

function prometheus(body: string): Document {
  return { code: 200, type: PROMETHEUS, body };
}
