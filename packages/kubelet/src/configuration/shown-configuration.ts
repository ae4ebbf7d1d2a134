import { durationText } from '../duration-text.ts';
import { DEFAULT_HARD } from '../eviction/thresholds.ts';
import { LOG_LIMITS } from '../log-limits.ts';
import type { KubeletOptions } from '../options.ts';

/** What `/configz` shows: a `KubeletConfiguration` with what holds for this kubelet. */
export function shownConfiguration(options: KubeletOptions, port: number): object {
  const { clusterDns = [], clusterDomain = 'cluster.local', maxPods = 110, podCidr, serving = {}, staticPodPath } = options;
  const tls = serving === false ? undefined : serving.tls;
  const anonymous = serving !== false && serving.anonymous === true;
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    enableServer: serving !== false,
    ...(serving !== false && { address: serving.host ?? '127.0.0.1', port }),
    ...(staticPodPath !== undefined && { staticPodPath }),
    ...(options.staticPodUrl !== undefined && { staticPodURL: options.staticPodUrl, httpCheckFrequency: '20s' }),
    ...(tls?.renewed$ && { serverTLSBootstrap: true }),
    syncFrequency: '1m0s',
    fileCheckFrequency: '20s',
    authentication: { x509: {}, webhook: { enabled: tls !== undefined, cacheTTL: '2m0s' }, anonymous: { enabled: anonymous } },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
    clusterDomain,
    ...(clusterDns.length > 0 && { clusterDNS: clusterDns }),
    nodeStatusUpdateFrequency: '10s',
    nodeStatusReportFrequency: '5m0s',
    nodeLeaseDurationSeconds: 40,
    cgroupsPerQOS: true,
    maxPods,
    ...(podCidr !== undefined && { podCIDR: podCidr }),
    containerLogMaxSize: options.containerLogMaxSize ?? LOG_LIMITS.containerLogMaxSize,
    containerLogMaxFiles: options.containerLogMaxFiles ?? LOG_LIMITS.containerLogMaxFiles,
    ...imageSettings(options),
    ...(options.eviction && evictionSettings(options.eviction)),
    enableDebuggingHandlers: true,
    registerNode: true,
  };
}

/** A node that removes none says so as Kubernetes would: its disk can't be fuller than full. */
function imageSettings({ imageGc = {}, maxParallelImagePulls = 5 }: KubeletOptions): object {
  const {
    highThresholdPercent = 85,
    lowThresholdPercent = 80,
    maximumAgeSeconds = 0,
    minimumAgeSeconds = 120,
  } = imageGc || { highThresholdPercent: 100 };
  return {
    serializeImagePulls: maxParallelImagePulls === 1,
    maxParallelImagePulls,
    imageMinimumGCAge: seconds(minimumAgeSeconds),
    imageMaximumGCAge: seconds(maximumAgeSeconds),
    imageGCHighThresholdPercent: highThresholdPercent,
    imageGCLowThresholdPercent: lowThresholdPercent,
  };
}

function evictionSettings(options: NonNullable<KubeletOptions['eviction']>): object {
  const { hard = DEFAULT_HARD, maxPodGracePeriodSeconds, minimumReclaim, pressureTransitionSeconds = 300, soft } = options;
  const grace = Object.entries(options.softGracePeriodSeconds ?? {}).map(([signal, value]) => [signal, seconds(value)]);
  return {
    evictionHard: hard,
    ...(soft && { evictionSoft: soft, evictionSoftGracePeriod: Object.fromEntries(grace) }),
    ...(minimumReclaim && { evictionMinimumReclaim: minimumReclaim }),
    ...(maxPodGracePeriodSeconds !== undefined && { evictionMaxPodGracePeriod: maxPodGracePeriodSeconds }),
    evictionPressureTransitionPeriod: seconds(pressureTransitionSeconds),
  };
}

function seconds(value: number): string {
  return durationText(value * 1000);
}
