import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { endpointText } from '../endpoints.ts';
import type { ServicePort } from '../service-map.ts';
import { servicePort } from '../testing/service-ports.ts';
import { Balancer, type EndpointScope } from './balancer.ts';

const THREE = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'];

function setUp(overrides: Parameters<typeof servicePort>[0]) {
  const clock = new ManualClock();
  const port = servicePort(overrides);
  const balancer = new Balancer({ clock }, port);
  const pick = (client: string, scope: EndpointScope = 'cluster') => {
    const endpoint = balancer.pick(client, scope);
    return endpoint && endpointText(endpoint);
  };
  return { clock, port, balancer, pick };
}

const without = (port: ServicePort, text: string): ServicePort => ({
  ...port,
  clusterEndpoints: port.clusterEndpoints.filter((one) => endpointText(one) !== text),
});

describe('Balancer', () => {
  it('takes endpoints in turn', () => {
    const { pick } = setUp({ endpoints: THREE });

    expect([1, 2, 3, 4].map(() => pick('a'))).toEqual([...THREE, THREE[0]]);
  });

  it('has nothing to choose without endpoints', () => {
    expect(setUp({}).pick('a')).toBeUndefined();
  });

  it('keeps to local endpoints where it is told to', () => {
    const { pick } = setUp({ endpoints: THREE, local: ['10.0.0.2:80'] });

    expect([1, 2].map(() => pick('a', 'local'))).toEqual(['10.0.0.2:80', '10.0.0.2:80']);
  });

  it('leaves out what was tried, until nothing is left', () => {
    const { balancer, port } = setUp({ endpoints: THREE });
    const [first, second] = port.clusterEndpoints;

    expect(balancer.pick('a', 'cluster', first && second ? [first, second] : [])?.address).toBe('10.0.0.3');
    expect(balancer.pick('a', 'cluster', port.clusterEndpoints)).toBeUndefined();
  });

  it('keeps a client at its endpoint until the client was away for the time', async () => {
    const { pick, clock } = setUp({ endpoints: THREE, affinitySeconds: 10 });
    const first = pick('a');
    expect(pick('b')).not.toBe(first);

    await clock.advance(9_000);
    expect(pick('a')).toBe(first);
    await clock.advance(9_000);
    expect(pick('a')).toBe(first);
    await clock.advance(10_001);

    expect(pick('a')).not.toBe(first);
  });

  it('moves a client whose endpoint is gone, and one whose endpoint refuses', () => {
    const { pick, balancer, port } = setUp({ endpoints: THREE, affinitySeconds: 10 });
    const refused = port.clusterEndpoints.slice(0, 1);
    expect(pick('a')).toBe(THREE[0]);

    expect(balancer.pick('a', 'cluster', refused)).toBe(port.clusterEndpoints[1]);
    expect(pick('a')).toBe(THREE[1]);
    balancer.update(without(port, '10.0.0.2:80'));

    expect(pick('a')).not.toBe(THREE[1]);
  });

  it('forgets the affinity when the service gives it up', () => {
    const { pick, balancer, port } = setUp({ endpoints: THREE, affinitySeconds: 10 });
    pick('a');

    balancer.update({ ...port, affinitySeconds: undefined });

    expect(new Set([1, 2, 3].map(() => pick('a'))).size).toBe(3);
  });

  it('remembers a bounded number of clients, the newest', () => {
    const { pick } = setUp({ endpoints: THREE, affinitySeconds: 10 });
    const first = pick('old');
    for (let client = 0; client < 10_000; client++) pick(`client-${client}`);

    // 10,001 picks were made: the next one in turn is the third.
    expect(first).toBe(THREE[0]);
    expect(pick('old')).toBe(THREE[2]);
  });
});
