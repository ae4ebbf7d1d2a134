import { token } from '@keelson/base';
import type { MetricsServer } from './metrics-server.ts';
import type { MetricsSource } from './metrics-source.ts';

export const METRICS_SERVER = token<MetricsServer>('@keelson/metrics-server:MetricsServer');
/** Where metrics come from. Through the API server if nothing is bound. */
export const METRICS_SOURCE = token<MetricsSource>('@keelson/metrics-server:MetricsSource');
