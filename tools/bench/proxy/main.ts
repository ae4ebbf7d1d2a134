// Measures the modes of the service proxy. Needs root, nft, iptables.
//   fill     N services of five endpoints in a network namespace: the first sync, one endpoint that changes, one service that comes, a full
//            look. "own" is processor time of this process, "tool" that of the programs it runs. IPVS has only "own": the kernel here may not
//            have it, so its programs are not run.
//   forwarding  processor time of the userspace mode for a connection, a request, a megabyte, beside the smallest forwarder that Node can be
//   traffic  connections, requests and bytes through each mode, beside a direct connection and that forwarder
// Usage: npm run bench -- proxy [--parts fill,forwarding,traffic] [--services 1000,10000] [--modes nftables,ipvs,iptables-nft,iptables-legacy]
//        [--rounds 5] [--seconds 3]
import { parseArgs } from 'node:util';
import { benchFill } from './fill.ts';
import { benchForwarding } from './forwarding.ts';
import { benchTraffic } from './traffic.ts';

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: 'fill,forwarding,traffic' },
    services: { type: 'string', default: '1000,10000' },
    modes: { type: 'string', default: 'nftables,ipvs,iptables-nft,iptables-legacy' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
  },
});
const parts = values.parts.split(',');
const results: string[] = [];
if (parts.includes('fill')) {
  const services = values.services.split(',').map(Number);
  results.push(...(await benchFill({ services, modes: values.modes.split(','), rounds: Number(values.rounds) })));
}
if (parts.includes('forwarding')) results.push(...(await benchForwarding()));
if (parts.includes('traffic')) results.push(...(await benchTraffic(Number(values.seconds))));
const p50 = /own=([\d.]+)/.exec(results[0] ?? '')?.[1] ?? '?';
process.stdout.write(`proxy: p50=${p50} ms own time for one changed endpoint; ${results.join(' ')}\n`);
