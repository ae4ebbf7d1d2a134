import { describe, expect, it } from 'vitest';
import { strategyOf } from '../index.ts';
import { CONTEXT, defaulted, problems, updateProblems } from '../test-support.ts';
import type { Service, ServiceSpec } from './service-model.ts';

function serviceOf(spec: object): Service & { kind: 'Service' } {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: spec as ServiceSpec };
}

const PORTS = [{ port: 80 }];
const HELD = { clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'] };

describe('defaults of a Service', () => {
  const common = {
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  };
  const ports = [{ port: 80, protocol: 'TCP', targetPort: 80 }];

  it.each([
    { title: 'ClusterIP', given: { ports: PORTS }, want: { ...common, type: 'ClusterIP', ports } },
    {
      title: 'NodePort',
      given: { type: 'NodePort', ports: PORTS },
      want: { ...common, type: 'NodePort', ports, externalTrafficPolicy: 'Cluster' },
    },
    {
      title: 'LoadBalancer',
      given: { type: 'LoadBalancer', ports: PORTS },
      want: { ...common, type: 'LoadBalancer', ports, externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true },
    },
    {
      title: 'ExternalName',
      given: { type: 'ExternalName', externalName: 'a.b' },
      want: { type: 'ExternalName', externalName: 'a.b', sessionAffinity: 'None' },
    },
    {
      title: 'headless with a selector',
      given: { clusterIP: 'None', ports: PORTS, selector: { a: 'b' } },
      want: { ...common, type: 'ClusterIP', ports, clusterIP: 'None', clusterIPs: ['None'], selector: { a: 'b' } },
    },
    {
      title: 'headless without a selector',
      given: { clusterIP: 'None' },
      want: {
        ...common,
        type: 'ClusterIP',
        clusterIP: 'None',
        clusterIPs: ['None'],
        ipFamilies: ['IPv4', 'IPv6'],
        ipFamilyPolicy: 'RequireDualStack',
      },
    },
    {
      title: 'affinity',
      given: { sessionAffinity: 'ClientIP', ports: PORTS },
      want: {
        ...common,
        type: 'ClusterIP',
        ports,
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
      },
    },
    {
      title: 'external addresses',
      given: { externalIPs: ['1.2.3.4'], ports: PORTS },
      want: { ...common, type: 'ClusterIP', ports, externalIPs: ['1.2.3.4'], externalTrafficPolicy: 'Cluster' },
    },
  ])('$title', ({ given, want }) => {
    const once = defaulted('', serviceOf(given));

    expect(once.spec).toEqual(want);
    expect(defaulted('', once)).toEqual(once);
  });
});

describe('a Service', () => {
  it.each<{ title: string; spec: object; want: string[] }>([
    { title: 'needs ports', spec: {}, want: ['spec.ports: Required value'] },
    { title: 'needs none without an address', spec: { clusterIP: 'None' }, want: [] },
    {
      title: 'knows four types',
      spec: { type: 'X', ports: PORTS },
      want: ['spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
    },
    {
      title: 'names several ports',
      spec: { ports: [{ port: 80 }, { name: 'b', port: 81 }] },
      want: ['spec.ports[0].name: Required value'],
    },
    {
      title: 'names ports once',
      spec: {
        ports: [
          { name: 'a', port: 80 },
          { name: 'a', port: 81 },
        ],
      },
      want: ['spec.ports[1].name: Duplicate value: "a"'],
    },
    {
      title: 'opens each port once',
      spec: {
        ports: [
          { name: 'a', port: 80 },
          { name: 'b', port: 80 },
        ],
      },
      want: [
        'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
      ],
    },
    {
      title: 'opens a port for both protocols',
      spec: {
        ports: [
          { name: 'a', port: 53 },
          { name: 'b', port: 53, protocol: 'UDP' },
        ],
      },
      want: [],
    },
    {
      title: 'opens ports in range',
      spec: { ports: [{ port: 0 }] },
      want: [
        'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
      ],
    },
    {
      title: 'has node ports only on nodes',
      spec: { ports: [{ port: 80, nodePort: 30_080 }] },
      want: ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    },
    {
      title: 'uses each node port once for a protocol',
      spec: {
        type: 'NodePort',
        ports: [
          { name: 'a', port: 80, nodePort: 30_080 },
          { name: 'b', port: 81, nodePort: 30_080 },
        ],
      },
      want: ['spec.ports[1].nodePort: Duplicate value: 30080'],
    },
    {
      title: 'has an address on nodes',
      spec: { type: 'NodePort', clusterIP: 'None', ports: PORTS },
      want: [`spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`],
    },
    { title: 'needs the name it stands for', spec: { type: 'ExternalName' }, want: ['spec.externalName: Required value'] },
    { title: 'accepts a trailing dot', spec: { type: 'ExternalName', externalName: 'a.b.' }, want: [] },
    {
      title: 'has no address beside a name',
      spec: { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.96.0.1' },
      want: ['spec.clusterIPs: Forbidden: may not be set for ExternalName services'],
    },
    {
      title: 'remembers clients for a day',
      spec: { ports: PORTS, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } },
      want: [
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
      ],
    },
    {
      title: 'has valid addresses',
      spec: { clusterIP: 'x', ports: PORTS },
      want: [`spec.clusterIPs[0]: Invalid value: "x": must be empty, 'None', or a valid IP address`],
    },
    {
      title: 'has one address in both fields',
      spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.2'], ports: PORTS },
      want: ['spec.clusterIPs: Invalid value: ["10.96.0.2"]: first value must match `clusterIP`'],
    },
    {
      title: 'is not reached from loopback',
      spec: { externalIPs: ['127.0.0.1'], ports: PORTS },
      want: ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    },
    {
      title: 'limits sources only at a load balancer',
      spec: { loadBalancerSourceRanges: ['1.2.3.0/24'], ports: PORTS },
      want: ["spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
    },
    {
      title: 'has a policy for traffic from outside only if there is any',
      spec: { externalTrafficPolicy: 'Local', ports: PORTS },
      want: ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    },
    {
      title: 'distributes traffic in known ways',
      spec: { trafficDistribution: 'X', ports: PORTS },
      want: [
        'spec.trafficDistribution: Unsupported value: "X": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
      ],
    },
  ])('$title', ({ spec, want }) => {
    expect(problems('', serviceOf(spec))).toEqual(want);
  });
});

describe('a change of a Service', () => {
  const changed = (old: object, spec: object): Service => {
    const strategy = strategyOf('', 'Service');
    const service = serviceOf(spec);
    strategy.prepareForUpdate?.(service, defaulted('', serviceOf(old)), CONTEXT);
    strategy.setDefaults?.(service);
    return service;
  };

  it('keeps the address that the client left out', () => {
    expect(changed({ ...HELD, ports: PORTS }, { ports: [{ port: 81 }] }).spec).toMatchObject(HELD);
  });

  it('keeps node ports by port and protocol', () => {
    const old = {
      ...HELD,
      type: 'NodePort',
      ports: [
        { name: 'a', port: 80, nodePort: 30_080 },
        { name: 'b', port: 81, nodePort: 30_081 },
      ],
    };

    const { spec } = changed(old, {
      type: 'LoadBalancer',
      ports: [
        { name: 'x', port: 81 },
        { name: 'y', port: 82 },
      ],
    });

    expect(spec?.ports?.map(({ nodePort }) => nodePort)).toEqual([30_081, undefined]);
  });

  it('lets node ports go with the type', () => {
    const old = { ...HELD, type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] };

    const { spec } = changed(old, {
      ...HELD,
      type: 'ClusterIP',
      externalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, nodePort: 30_080 }],
    });

    expect(spec?.ports).toEqual([{ port: 80, protocol: 'TCP', targetPort: 80 }]);
    expect(spec).not.toHaveProperty('externalTrafficPolicy');
  });

  it('lets the address go when only a name is left', () => {
    const { spec } = changed(
      { ...HELD, ports: PORTS },
      { ...HELD, type: 'ExternalName', externalName: 'a.b', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', ports: PORTS },
    );

    expect(spec).not.toHaveProperty('clusterIP');
    expect(spec).not.toHaveProperty('clusterIPs');
    expect(spec).not.toHaveProperty('ipFamilies');
  });

  it('lets what only a load balancer has go with it', () => {
    const old = {
      ...HELD,
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 30_000,
      ports: [{ port: 80, nodePort: 30_080 }],
    };

    const { spec } = changed(old, { ...old, type: 'ClusterIP', allocateLoadBalancerNodePorts: true });

    expect(spec).not.toHaveProperty('healthCheckNodePort');
    expect(spec).not.toHaveProperty('allocateLoadBalancerNodePorts');
    expect(spec).not.toHaveProperty('externalTrafficPolicy');
  });

  it.each<{ title: string; old: object; spec: object; want: string[] }>([
    { title: 'may take the address back out of the object', old: { ...HELD, ports: PORTS }, spec: { ports: PORTS }, want: [] },
    {
      title: 'may not bring another address',
      old: { ...HELD, ports: PORTS },
      spec: { clusterIP: '10.96.0.10', ports: PORTS },
      want: ['spec.clusterIPs[0]: Invalid value: ["10.96.0.10"]: may not change once set'],
    },
    {
      title: 'may not take the address away',
      old: { ...HELD, ports: PORTS },
      spec: { clusterIP: 'None', ports: PORTS, selector: { a: 'b' } },
      want: ['spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'],
    },
    {
      title: 'may turn a name into an address',
      old: { type: 'ExternalName', externalName: 'a.b' },
      spec: { ports: PORTS },
      want: [],
    },
    {
      title: 'may not bring another class of load balancer',
      old: { ...HELD, type: 'LoadBalancer', loadBalancerClass: 'a/b', ports: PORTS },
      spec: { type: 'LoadBalancer', loadBalancerClass: 'a/c', ports: PORTS },
      want: ['spec.loadBalancerClass: Invalid value: "a/c": may not change once set'],
    },
  ])('$title', ({ old, spec, want }) => {
    expect(updateProblems('', serviceOf(old), serviceOf(spec))).toEqual(want);
  });
});
