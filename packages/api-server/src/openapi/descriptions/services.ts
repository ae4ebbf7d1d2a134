import type { Descriptions } from './shared.ts';

/** Services and what is behind them. */
export const SERVICES: Descriptions = {
  'core.v1.ClientIPConfig': {
    '': 'Affinity by the address of the client.',
    timeoutSeconds: 'For how many seconds a client stays with a pod. Defaults to 10800.',
  },
  'core.v1.EndpointAddress': {
    '': 'An address behind a Service.',
    hostname: 'The name of the host.',
    ip: 'The address. No loopback or link-local one.',
    nodeName: 'The node that it is on.',
    targetRef: 'The pod that has it.',
  },
  'core.v1.EndpointPort': {
    '': 'A port behind a Service.',
    appProtocol: 'What is spoken there, such as `kubernetes.io/h2c`.',
    name: "The name of the Service's port.",
    port: 'The port.',
    protocol: '`TCP`, `UDP` or `SCTP`. Defaults to `TCP`.',
  },
  'core.v1.EndpointSubset': {
    '': 'Addresses that have the same ports.',
    addresses: 'Addresses that are ready.',
    notReadyAddresses: 'Addresses that are not ready yet, or not any more.',
    ports: 'The ports.',
  },
  'core.v1.Endpoints': {
    '': 'The addresses behind a Service. EndpointSlices have taken its place.',
    subsets: 'The addresses, by their ports.',
  },
  'core.v1.LoadBalancerIngress': {
    '': 'Where a Service can be reached from outside.',
    hostname: 'Its name in DNS, if the load balancer has one.',
    ip: 'Its address, if the load balancer has one.',
    ipMode: '`VIP`: packets come with this address. `Proxy`: with that of the node or pod.',
    ports: 'Its ports.',
  },
  'core.v1.LoadBalancerStatus': {
    '': 'Where a Service can be reached from outside.',
    ingress: 'The addresses.',
  },
  'core.v1.PortStatus': {
    '': 'How one port of a load balancer is.',
    error: 'What is wrong with it, in one word.',
    port: 'The port.',
    protocol: '`TCP`, `UDP` or `SCTP`.',
  },
  'core.v1.Service': {
    '': 'A name and an address under which a changing set of pods is reached.',
  },
  'core.v1.ServicePort': {
    '': 'A port of a Service.',
    appProtocol: 'What is spoken there, such as `kubernetes.io/ws`.',
    name: 'Its name. Must be given if there are several ports.',
    nodePort: 'The port on each node, for services that are reached from outside.',
    port: 'The port that clients use.',
    protocol: '`TCP`, `UDP` or `SCTP`. Defaults to `TCP`.',
    targetPort: 'The port of the pods, by number or by name. The same as `port` if absent.',
  },
  'core.v1.ServiceSpec': {
    '': 'What is wanted of a Service.',
    allocateLoadBalancerNodePorts: 'Whether a Service of type `LoadBalancer` gets node ports. Defaults to true.',
    clusterIP: 'Address inside the cluster. Chosen by the server; `None` for a service without one.',
    clusterIPs: 'Its addresses inside the cluster, one of each family.',
    externalIPs: 'Further addresses that lead to it, if packets for them come to a node. Deprecated.',
    externalName: 'Another name, which its own name in DNS leads to. For the type `ExternalName`.',
    externalTrafficPolicy:
      "`Cluster`: requests from outside go to any pod. `Local`: only to pods of the node that they come to, with the client's address.",
    healthCheckNodePort: 'The port under which a node says whether it has pods, with `externalTrafficPolicy: Local`.',
    internalTrafficPolicy: '`Cluster`: requests from inside go to any pod. `Local`: only to pods of the same node.',
    ipFamilies: 'The families of its addresses, the first one first.',
    ipFamilyPolicy: '`SingleStack`, `PreferDualStack` or `RequireDualStack`.',
    loadBalancerClass: 'Who makes its load balancer.',
    loadBalancerIP: 'The address that its load balancer should have. Deprecated.',
    loadBalancerSourceRanges: 'From where its load balancer may be reached.',
    ports: 'Ports that the service listens on.',
    publishNotReadyAddresses: 'Lead to pods that are not ready, too.',
    selector: 'Labels of the pods that the service leads to.',
    sessionAffinity: '`ClientIP`: requests of a client go to the same pod. Defaults to `None`.',
    sessionAffinityConfig: 'For how long.',
    trafficDistribution: 'Which pods are rather taken: `PreferSameZone` or `PreferSameNode`.',
    type: '`ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`: from where the service is reached.',
  },
  'core.v1.ServiceStatus': {
    '': 'What was last observed of a Service.',
    loadBalancer: 'Where it can be reached from outside.',
  },
  'core.v1.SessionAffinityConfig': {
    '': 'How requests of a client stay together.',
    clientIP: 'By the address of the client.',
  },
};
