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
    enableDebuggingHandlers: true,
    registerNode: true,
  };
}
