export { announceMetrics } from './announce.ts';
export { MetricsServer, type MetricsServerDependencies, type MetricsServerOptions } from './metrics-server.ts';
export { kubeletSource, proxySource, type MetricsSource } from './metrics-source.ts';
export { METRICS_SERVER, METRICS_SOURCE } from './tokens.ts';
