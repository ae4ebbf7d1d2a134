import { isIP } from 'node:net';
import type { SyncProblem } from '../proxy-mode.ts';
import type { IpFamily, ServicePort } from '../service-map.ts';

/** Whether rules can be made of the service port. One rule that the kernel does not take would keep all others out. */
export function isUsable(port: ServicePort, family: IpFamily): boolean {
  const version = family === 'IPv6' ? 6 : 4;
  return (
    /^[\w./:-]{1,150}$/.test(port.key) &&
    [...port.clusterIPs, ...port.externalIPs, ...port.loadBalancerIPs].every((address) => isIP(address) === version) &&
    [...port.clusterEndpoints, ...port.localEndpoints].every((one) => isIP(one.address) === version && isPort(one.port)) &&
    isPort(port.port) &&
    (port.nodePort === undefined || isPort(port.nodePort))
  );
}

/** What to say of a service port that is not usable. */
export function unusable({ key }: ServicePort): SyncProblem {
  return { service: key, message: 'its name, an address or a port is not one', lasting: true };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}
