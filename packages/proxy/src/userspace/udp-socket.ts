import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/** A socket of the address's family that looks nothing up. */
export function createUdpSocket(address: string): Socket {
  return createSocket({
    type: isIPv6(address) ? 'udp6' : 'udp4',
    lookup: (host, _options, done) => done(null, host, isIPv6(host) ? 6 : 4),
  });
}
