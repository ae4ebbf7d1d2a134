import { describe, expect, it } from 'vitest';
import { Claims } from '../nftables/claims.ts';
import type { ServicePort } from '../service-map.ts';
import { servicePort } from '../testing/service-ports.ts';
import { ipvsPieces } from './ipvs-pieces.ts';
import { parseServers } from './ipvs-tool.ts';
import { linesFor, repairLines } from './server-changes.ts';

const OPTIONS = { family: 'IPv4', scheduler: 'lc', nodeAddresses: ['192.0.2.1'], ownAddresses: ['192.0.2.1'] } as const;
const A = '10.244.0.2:8080';
const B = '10.244.0.3:8080';
const LISTED = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.10:80 lc persistent 600
  -> 10.244.0.2:8080              Masq    1      0          0
  -> 10.244.0.3:8080              Masq    1      2          1
  -> 10.244.0.4:8080              Masq    0      0          0
UDP  203.0.113.1:53 rr
TCP  10.96.0.99:80 rr
  -> 10.244.0.9:80                Masq    1      0          0
`;

/** The lines that lead from one version of a service port to the next. */
function linesBetween(before: ServicePort | undefined, after: ServicePort | undefined, draining = new Set<string>()): string[] {
  const claims = new Claims();
  const old = before ? ipvsPieces(before, OPTIONS) : [];
  claims.claim('it', old);
  claims.takeChanges();
  claims.release('it', old);
  if (after) claims.claim('it', ipvsPieces(after, OPTIONS));
  return linesFor({ ...claims.takeChanges(), draining });
}

describe('the lines for ipvsadm', () => {
  it('make a virtual server for each address, with the endpoints of its policy', () => {
    const port = servicePort({
      endpoints: [A, B],
      local: [B],
      nodePort: 30_080,
      externalTrafficPolicy: 'Local',
      affinitySeconds: 600,
    });

    expect(linesBetween(undefined, port)).toEqual([
      '-A -t 10.96.0.10:80 -s lc -p 600',
      '-A -t 192.0.2.1:30080 -s lc -p 600',
      `-a -t 10.96.0.10:80 -r ${A} -m -w 1`,
      `-a -t 10.96.0.10:80 -r ${B} -m -w 1`,
      `-a -t 192.0.2.1:30080 -r ${B} -m -w 1`,
    ]);
  });

  it('let the connections of an endpoint run on that goes, and give it weight again if it comes back', () => {
    const draining = new Set<string>();
    const [both, one] = [servicePort({ endpoints: [A, B] }), servicePort({ endpoints: [A] })];

    expect(linesBetween(both, one, draining)).toEqual([`-e -t 10.96.0.10:80 -r ${B} -m -w 0`]);
    expect(linesBetween(one, both, draining)).toEqual([`-e -t 10.96.0.10:80 -r ${B} -m -w 1`]);
    expect(draining.size).toBe(0);
  });

  it('take UDP endpoints out at once, since UDP knows no end', () => {
    const dns = { protocol: 'UDP', port: 53 } as const;

    expect(linesBetween(servicePort({ ...dns, endpoints: [A] }), servicePort({ ...dns, endpoints: [] }))).toEqual([
      `-d -u 10.96.0.10:53 -r ${A}`,
    ]);
  });

  it('change what a server does, and delete it with all that it has', () => {
    const port = servicePort({ endpoints: [A] });

    expect(linesBetween(port, servicePort({ endpoints: [A], affinitySeconds: 60 }))).toEqual(['-E -t 10.96.0.10:80 -s lc -p 60']);
    expect(linesBetween(port, undefined)).toEqual(['-D -t 10.96.0.10:80']);
  });

  it('repair what is there, and leave the servers of others alone', () => {
    const desired = ipvsPieces(servicePort({ endpoints: ['10.244.0.4:8080', '10.244.0.5:8080'] }), OPTIONS);

    const { lines, draining } = repairLines({
      desired,
      actual: parseServers(LISTED),
      isOurs: (key) => key === '-t 10.96.0.99:80',
    });

    expect(lines).toEqual([
      '-E -t 10.96.0.10:80 -s lc',
      '-e -t 10.96.0.10:80 -r 10.244.0.4:8080 -m -w 1',
      '-a -t 10.96.0.10:80 -r 10.244.0.5:8080 -m -w 1',
      `-d -t 10.96.0.10:80 -r ${A}`,
      `-e -t 10.96.0.10:80 -r ${B} -m -w 0`,
      '-D -t 10.96.0.99:80',
    ]);
    expect([...draining]).toEqual([`-t 10.96.0.10:80 -r ${B}`]);
  });
});
