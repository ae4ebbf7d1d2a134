import { describe, expect, it } from 'vitest';
import { servicePort } from '../testing/service-ports.ts';
import { ipvsPieces } from './ipvs-pieces.ts';

const options = { family: 'IPv4', scheduler: 'rr', nodeAddresses: ['192.0.2.1'], ownAddresses: ['192.0.2.1'] } as const;

describe('what a service port adds to IPVS', () => {
  it.each([
    { protocol: 'TCP', option: '-t', word: 'tcp' },
    { protocol: 'UDP', option: '-u', word: 'udp' },
    { protocol: 'SCTP', option: '--sctp-service', word: 'sctp' },
  ] as const)('is a virtual server for each address, with its endpoints: $protocol', ({ protocol, option, word }) => {
    const pieces = ipvsPieces(servicePort({ protocol, nodePort: 30_080, endpoints: ['10.244.1.2:8080'] }), options);
    const of = (set: string) => pieces.filter((one) => one.set === set).map(({ key }) => key);

    expect(of('server')).toEqual([`${option} 10.96.0.10:80`, `${option} 192.0.2.1:30080`]);
    expect(of('destination')).toEqual([
      `${option} 10.96.0.10:80 -r 10.244.1.2:8080`,
      `${option} 192.0.2.1:30080 -r 10.244.1.2:8080`,
    ]);
    expect([of('address'), of('service-ips'), of('nodeports')]).toEqual([
      ['10.96.0.10'],
      [`10.96.0.10 . ${word} . 80`],
      [`${word} . 30080`],
    ]);
  });
});
