import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type ProbeMetricResult = 'successful' | 'failed' | 'unknown';

export interface ProbeMetric {
  readonly probe_type: 'Startup' | 'Liveness' | 'Readiness';
  readonly container: string;
  readonly pod: string;
  readonly namespace: string;
  readonly pod_uid: string;
}

/** What a kubelet counts about itself, under upstream's names. What nothing has happened of takes no memory but its name. */
export class KubeletMetrics {
  /** Of `/metrics`. */
  readonly own = new Registry();
  /** Of `/metrics/probes`. */
  readonly probes = new Registry();
  readonly #operations = counter(this.own, 'runtime_operations_total', 'Calls of the container runtime', ['operation_type']);
  readonly #operationErrors = counter(this.own, 'runtime_operations_errors_total', 'Calls of the container runtime that failed', [
    'operation_type',
  ]);
  readonly #operationSeconds = histogram(this.own, 'runtime_operations_duration_seconds', RUNTIME, ['operation_type']);
  readonly #started = counter(this.own, 'started_containers_total', 'Containers that were started', []);
  readonly #startedErrors = counter(this.own, 'started_containers_errors_total', 'Containers that could not be started', []);
  readonly #startedPods = counter(this.own, 'started_pods_total', 'Pods that were given a sandbox', []);
  readonly #startedPodsErrors = counter(this.own, 'started_pods_errors_total', 'Pods that could not be given a sandbox', []);
  readonly #requests = counter(this.own, 'http_requests_total', 'Requests that were answered', HTTP_LABELS);
  readonly #requestSeconds = histogram(this.own, 'http_requests_duration_seconds', HTTP, HTTP_LABELS);
  readonly #inFlight = gauge(this.own, 'http_inflight_requests', 'Requests that are being answered', HTTP_LABELS);
  readonly #relists = histogram(this.own, 'pleg_relist_duration_seconds', PLEG, []);
  readonly #lastSeen = gauge(this.own, 'pleg_last_seen_seconds', 'When the runtime was looked at last, in Unix time', []);
  readonly #probeTotals = new Counter({
    name: 'prober_probe_total',
    help: 'Probes by their results',
    labelNames: [...PROBE_LABELS, 'pod_uid', 'result'],
    registers: [this.probes],
  });
  readonly #probeSeconds = new Histogram({
    name: 'prober_probe_duration_seconds',
    help: 'How long probes took',
    labelNames: PROBE_LABELS,
    buckets: SECONDS,
    registers: [this.probes],
  });
  /** By pod, then by type and container. */
  readonly #probesOf = new Map<string, Map<string, ProbeMetric>>();

  runtimeCall(operation: string, seconds: number, failed: boolean): void {
    this.#operations.inc({ operation_type: operation });
    this.#operationSeconds.observe({ operation_type: operation }, seconds);
    if (failed) this.#operationErrors.inc({ operation_type: operation });
    if (operation === 'start_container') (failed ? this.#startedErrors : this.#started).inc();
    if (operation === 'run_podsandbox') (failed ? this.#startedPodsErrors : this.#startedPods).inc();
  }

  /** Call what it gives when the request has been answered. */
  request(method: string, path: string, isLongRunning: boolean): (seconds: number) => void {
    const labels = { method, path, server_type: 'readwrite', long_running: String(isLongRunning) };
    this.#requests.inc(labels);
    this.#inFlight.inc(labels);
    return (seconds) => {
      this.#inFlight.dec(labels);
      this.#requestSeconds.observe(labels, seconds);
    };
  }

  relisted(seconds: number, nowMs: number): void {
    this.#relists.observe(seconds);
    this.#lastSeen.set(nowMs / 1000);
  }

  probed(probe: ProbeMetric, result: ProbeMetricResult, seconds: number): void {
    const { pod_uid: uid, ...labels } = probe;
    this.#probeTotals.inc({ ...probe, result });
    this.#probeSeconds.observe(labels, seconds);
    const ofPod = this.#probesOf.get(uid) ?? new Map<string, ProbeMetric>();
    this.#probesOf.set(uid, ofPod.set(`${probe.probe_type} ${probe.container}`, probe));
  }

  /** The pod is gone: figures of its probes are of no use any more. */
  forgetPod(uid: string): void {
    for (const probe of this.#probesOf.get(uid)?.values() ?? []) {
      for (const result of ['successful', 'failed', 'unknown']) this.#probeTotals.remove({ ...probe, result });
      const { pod_uid: _uid, ...labels } = probe;
      this.#probeSeconds.remove(labels);
    }
    this.#probesOf.delete(uid);
  }
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const RUNTIME = 'How long calls of the container runtime took';
const HTTP = 'How long answering requests took';
const PLEG = 'How long looking at all of the runtime took';
const HTTP_LABELS = ['method', 'path', 'server_type', 'long_running'];
const PROBE_LABELS = ['probe_type', 'container', 'pod', 'namespace'];

function counter(registry: Registry, name: string, help: string, labelNames: string[]): Counter {
  return new Counter({ name: `kubelet_${name}`, help, labelNames, registers: [registry] });
}

function gauge(registry: Registry, name: string, help: string, labelNames: string[]): Gauge {
  return new Gauge({ name: `kubelet_${name}`, help, labelNames, registers: [registry] });
}

function histogram(registry: Registry, name: string, help: string, labelNames: string[]): Histogram {
  return new Histogram({ name: `kubelet_${name}`, help, labelNames, buckets: SECONDS, registers: [registry] });
}
