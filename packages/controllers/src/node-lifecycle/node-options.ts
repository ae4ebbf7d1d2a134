/** Upstream's defaults of 1.32 and later. */
export interface NodeLifecycleOptions {
  /** How often nodes are looked at. Default 5 s. */
  readonly monitorPeriodMs?: number;
  /** A node that shows no sign of life for so long is unreachable. Default 50 s. */
  readonly gracePeriodMs?: number;
  /** The same for a node that has never reported its state. Default 60 s. */
  readonly startupGracePeriodMs?: number;
  /** Nodes of a zone that are tainted, so that their pods go, per second. Default 0.1. */
  readonly evictionRate?: number;
  /** The same in a large zone of which too much is down. In a small one it is 0. Default 0.01. */
  readonly secondaryEvictionRate?: number;
  /** Zones with more nodes are large. Default 50. */
  readonly largeZoneSize?: number;
  /** The share of nodes that are not ready from which on too much of a zone is down, if they are more than two. Default 0.55. */
  readonly unhealthyZoneThreshold?: number;
}

export const DEFAULTS: Required<NodeLifecycleOptions> = {
  monitorPeriodMs: 5_000,
  gracePeriodMs: 50_000,
  startupGracePeriodMs: 60_000,
  evictionRate: 0.1,
  secondaryEvictionRate: 0.01,
  largeZoneSize: 50,
  unhealthyZoneThreshold: 0.55,
};
