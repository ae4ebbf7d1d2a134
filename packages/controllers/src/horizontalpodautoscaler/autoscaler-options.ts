/** As kube-controller-manager's flags `--horizontal-pod-autoscaler-*`. */
export interface AutoscalerOptions {
  /** How often each autoscaler is looked at. Default 15,000. */
  readonly syncPeriodMs?: number;
  /** How far a metric may be from its target, if the autoscaler does not say itself. Default 0.1. */
  readonly tolerance?: number;
  /** How long after its start a pod's CPU counts only once it is ready. Default 5 minutes. */
  readonly cpuInitializationMs?: number;
  /** How long after its start a pod that was never ready counts as starting. Default 30 seconds. */
  readonly initialReadinessDelayMs?: number;
}

export const DEFAULTS: Required<AutoscalerOptions> = {
  syncPeriodMs: 15_000,
  tolerance: 0.1,
  cpuInitializationMs: 300_000,
  initialReadinessDelayMs: 30_000,
};
