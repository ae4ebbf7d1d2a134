import type { ProxyMode } from '../proxy-mode.ts';
import type { IpFamily, ServiceMap } from '../service-map.ts';
import { changesBetween } from '../snapshot-map.ts';
import { Histogram } from './histogram.ts';

const SYNC_BOUNDS = Array.from({ length: 15 }, (_, index) => 0.001 * 2 ** index);
const PROGRAMMING_BOUNDS = [
  0.25,
  0.5,
  ...Array.from({ length: 59 }, (_, index) => index + 1),
  ...Array.from({ length: 12 }, (_, index) => 60 + 5 * index),
  ...Array.from({ length: 7 }, (_, index) => 120 + 30 * index),
];

/** What one sync was. */
export interface SyncRecord {
  readonly full: boolean;
  readonly seconds: number;
  readonly failed: boolean;
}

/** Counts what a proxy does, under the names that kube-proxy gives it. */
export class ProxyMetrics {
  readonly #labels: string;
  readonly #failuresName: string;
  readonly #syncs: Readonly<Record<'all' | 'full' | 'partial', Histogram>>;
  readonly #programming: Histogram;
  readonly #changes = { service: 0, endpoint: 0 };
  readonly #pending = { service: 0, endpoint: 0 };
  readonly #answers = new Map<string, number>();
  /** By traffic policy: services without a local endpoint that have one elsewhere. */
  readonly #withoutLocal = { internal: 0, external: 0 };
  #seen: ServiceMap = new Map();
  #failures = 0;
  #lastSync = 0;
  #lastQueued = 0;

  constructor(mode: ProxyMode['name'], family: IpFamily) {
    this.#labels = `ip_family="${family}"`;
    this.#failuresName = `kubeproxy_sync_proxy_rules_${mode === 'iptables' ? 'iptables_restore' : `${mode}_sync`}_failures_total`;
    this.#syncs = {
      all: new Histogram('kubeproxy_sync_proxy_rules_duration_seconds', 'SyncProxyRules latency in seconds', SYNC_BOUNDS),
      full: new Histogram(
        'kubeproxy_sync_full_proxy_rules_duration_seconds',
        'SyncProxyRules latency in seconds for full resyncs',
        SYNC_BOUNDS,
      ),
      partial: new Histogram(
        'kubeproxy_sync_partial_proxy_rules_duration_seconds',
        'SyncProxyRules latency in seconds for partial resyncs',
        SYNC_BOUNDS,
      ),
    };
    this.#programming = new Histogram(
      'kubeproxy_network_programming_duration_seconds',
      'In Cluster Network Programming Latency in seconds',
      PROGRAMMING_BOUNDS,
    );
  }

  changed(what: 'service' | 'endpoint'): void {
    this.#changes[what]++;
    this.#pending[what]++;
  }

  queued(nowMs: number): void {
    this.#lastQueued = nowMs / 1000;
  }

  /** All changes so far are taken up by the sync that begins. */
  began(): void {
    this.#pending.service = 0;
    this.#pending.endpoint = 0;
  }

  synced({ full, seconds, failed }: SyncRecord, nowMs: number): void {
    this.#syncs.all.observe(seconds);
    this.#syncs[full ? 'full' : 'partial'].observe(seconds);
    if (failed) this.#failures++;
    else this.#lastSync = nowMs / 1000;
  }

  /** A change of endpoints that was made so long ago has come through. */
  programmed(seconds: number): void {
    this.#programming.observe(seconds);
  }

  serves(map: ServiceMap): void {
    for (const { before, after } of changesBetween(this.#seen, map).values()) {
      for (const policy of ['internal', 'external'] as const) {
        const lacks = (port: typeof after): number =>
          port?.[`${policy}TrafficPolicy`] === 'Local' && port.localEndpoints.length === 0 && port.clusterEndpoints.length > 0
            ? 1
            : 0;
        this.#withoutLocal[policy] += lacks(after) - lacks(before);
      }
    }
    this.#seen = map;
  }

  answered(path: 'healthz' | 'livez', code: number): void {
    const key = `kubeproxy_proxy_${path}_total{code="${code}"}`;
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1);
  }

  /** In Prometheus' text format. */
  text(): string {
    const labels = this.#labels;
    const lines = [
      ...Object.values(this.#syncs).flatMap((one) => one.lines(labels)),
      ...this.#programming.lines(labels),
      ...this.#rows().flatMap(([type, name, help, value]) => [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        `${name}{${labels}} ${value}`,
      ]),
      '# HELP kubeproxy_sync_proxy_rules_no_local_endpoints_total Number of services with a Local traffic policy and no endpoints',
      '# TYPE kubeproxy_sync_proxy_rules_no_local_endpoints_total gauge',
      ...(['internal', 'external'] as const).map(
        (policy) =>
          `kubeproxy_sync_proxy_rules_no_local_endpoints_total{${labels},traffic_policy="${policy}"} ${this.#withoutLocal[policy]}`,
      ),
      ...(['healthz', 'livez'] as const).flatMap((path) => [
        `# HELP kubeproxy_proxy_${path}_total Cumulative proxy ${path} HTTP status`,
        `# TYPE kubeproxy_proxy_${path}_total counter`,
        ...[...this.#answers].filter(([key]) => key.includes(`_${path}_`)).map(([key, count]) => `${key} ${count}`),
      ]),
    ];
    return `${lines.join('\n')}\n`;
  }

  #rows(): readonly (readonly [type: 'counter' | 'gauge', name: string, help: string, value: number])[] {
    const prefix = 'kubeproxy_sync_proxy_rules_';
    return [
      ['counter', `${prefix}service_changes_total`, 'Cumulative proxy rules Service changes', this.#changes.service],
      ['gauge', `${prefix}service_changes_pending`, 'Pending proxy rules Service changes', this.#pending.service],
      ['counter', `${prefix}endpoint_changes_total`, 'Cumulative proxy rules Endpoint changes', this.#changes.endpoint],
      ['gauge', `${prefix}endpoint_changes_pending`, 'Pending proxy rules Endpoint changes', this.#pending.endpoint],
      ['gauge', `${prefix}last_timestamp_seconds`, 'The last time proxy rules were successfully synced', this.#lastSync],
      ['gauge', `${prefix}last_queued_timestamp_seconds`, 'The last time a sync of proxy rules was queued', this.#lastQueued],
      ['counter', this.#failuresName, 'Cumulative proxy sync failures', this.#failures],
    ];
  }
}
