import type { InFlight } from './in-flight.ts';

/** How many requests are being served, in Prometheus' text format. */
export function inFlightMetrics({ reads, writes }: InFlight): string {
  return [
    '# HELP apiserver_current_inflight_requests Requests being served now, by kind.',
    '# TYPE apiserver_current_inflight_requests gauge',
    `apiserver_current_inflight_requests{request_kind="readOnly"} ${reads}`,
    `apiserver_current_inflight_requests{request_kind="mutating"} ${writes}`,
    '',
  ].join('\n');
}
