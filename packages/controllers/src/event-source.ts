/** Whom upstream's controllers name as the source of their events, where that is not the controller's own name. */
const SOURCES: Readonly<Record<string, string>> = {
  'disruption-controller': 'controllermanager',
  'endpoints-controller': 'endpoint-controller',
  'endpointslice-controller': 'endpoint-slice-controller',
  'endpointslice-mirroring-controller': 'endpoint-slice-mirroring-controller',
  'ephemeral-volume-controller': 'ephemeral_volume',
  'horizontal-pod-autoscaler-controller': 'horizontal-pod-autoscaler',
  'node-ipam-controller': 'cidrAllocator',
  'node-lifecycle-controller': 'node-controller',
  'persistentvolume-binder-controller': 'persistentvolume-controller',
  'replicationcontroller-controller': 'replication-controller',
  'service-lb-controller': 'service-controller',
};

/** The `source.component` of a controller's events: people and tools select by it. */
export function eventSourceOf(controller: string): string {
  return SOURCES[controller] ?? controller;
}
