import type { EndpointAddress, EndpointSubset, Pod, Service } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { subsetsOf, truncate } from './subsets.ts';

const service = (spec: Service['spec']): Service => ({ metadata: { name: 'web', namespace: 'default' }, spec });
const HTTP = { port: 80, targetPort: 'http', name: 'http', protocol: 'TCP' } as const;

interface PodFacts {
  readonly ips?: readonly string[];
  readonly port?: number;
  readonly ready?: boolean;
  readonly deleted?: boolean;
  readonly spec?: Partial<NonNullable<Pod['spec']>>;
}

function pod(name: string, { ips = ['10.0.0.1'], port = 8080, ready = true, deleted = false, spec = {} }: PodFacts = {}): Pod {
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }] }], ...spec },
    status: { podIPs: ips.map((ip) => ({ ip })), conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const ips = (addresses: readonly EndpointAddress[] | undefined) => addresses?.map(({ ip }) => ip);
const shape = (subsets: readonly EndpointSubset[]) =>
  subsets.map(({ addresses, notReadyAddresses, ports }) => ({
    ready: ips(addresses),
    notReady: ips(notReadyAddresses),
    ports: ports?.map(({ port }) => port),
  }));

describe('subsets of Endpoints', () => {
  it('puts pods apart whose named port has another number', () => {
    const pods = [pod('b', { ips: ['10.0.0.2'], port: 9090 }), pod('c', { ips: ['10.0.0.3'] }), pod('a', { ready: false })];

    expect(shape(subsetsOf(service({ ports: [HTTP] }), pods))).toEqual([
      { ready: ['10.0.0.3'], notReady: ['10.0.0.1'], ports: [8080] },
      { ready: ['10.0.0.2'], notReady: undefined, ports: [9090] },
    ]);
  });

  it('says what the address belongs to, and its host name in a headless service', () => {
    const web = pod('a', { spec: { nodeName: 'n', hostname: 'a', subdomain: 'web' } });

    const [subset] = subsetsOf(service({ clusterIP: 'None' }), [web]);

    expect(subset).toEqual({
      addresses: [
        {
          ip: '10.0.0.1',
          hostname: 'a',
          nodeName: 'n',
          targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
        },
      ],
    });
  });

  it.each([
    { title: 'a pod being deleted', facts: { deleted: true }, spec: {}, want: [] },
    { title: 'a pod on the loopback interface', facts: { ips: ['127.0.0.1', '::1'] }, spec: {}, want: [] },
    { title: 'a pod without the named port', facts: { spec: { containers: [] } }, spec: {}, want: [] },
    { title: 'a pod without an address of the family', facts: {}, spec: { ipFamilies: ['IPv6'] }, want: [] },
  ])('leaves out $title', ({ facts, spec, want }) => {
    expect(subsetsOf(service({ ports: [HTTP], ...spec }), [pod('a', facts)])).toEqual(want);
  });

  it('takes the address of the first family of the service', () => {
    const dual = pod('a', { ips: ['10.0.0.1', 'fd00::1'] });

    expect(shape(subsetsOf(service({ ports: [HTTP], ipFamilies: ['IPv6', 'IPv4'] }), [dual]))).toMatchObject([
      { ready: ['fd00::1'] },
    ]);
  });

  it('publishes pods that are not ready, and pods that end, as ready if the service says so', () => {
    const pods = [pod('a', { ready: false }), pod('b', { ips: ['10.0.0.2'], deleted: true })];

    const subsets = subsetsOf(service({ ports: [HTTP], publishNotReadyAddresses: true }), pods);

    expect(shape(subsets)).toMatchObject([{ ready: ['10.0.0.1', '10.0.0.2'], notReady: undefined }]);
  });

  it('has the same result whatever the order of the pods', () => {
    const pods = ['3', '1', '2'].map((at) => pod(at, { ips: [`10.0.0.${at}`], port: Number(at) }));
    const web = service({ ports: [HTTP, { port: 443, protocol: 'TCP' }] });

    expect(subsetsOf(web, pods.toReversed())).toEqual(subsetsOf(web, pods));
  });
});

describe('truncating subsets', () => {
  const addresses = (count: number): EndpointAddress[] => Array.from({ length: count }, (_, at) => ({ ip: `10.0.0.${at}` }));
  const counts = (subsets: readonly EndpointSubset[]) =>
    subsets.map((subset) => [subset.addresses?.length ?? 0, subset.notReadyAddresses?.length ?? 0]);

  it.each([
    { title: 'leaves what fits', have: [[2, 2]], want: [[2, 2]] },
    { title: 'drops what is not ready first', have: [[3, 2]], want: [[3, 1]] },
    {
      title: 'takes the same share of each subset',
      have: [
        [6, 0],
        [2, 0],
      ],
      want: [
        [3, 0],
        [1, 0],
      ],
    },
    {
      title: 'drops subsets that have nothing left',
      have: [
        [4, 0],
        [0, 3],
      ],
      want: [[4, 0]],
    },
  ])('$title', ({ have, want }) => {
    const subsets = have.map(([ready = 0, notReady = 0]) => ({
      addresses: addresses(ready),
      notReadyAddresses: addresses(notReady),
    }));

    expect(counts(truncate(subsets, 4))).toEqual(want);
  });
});
