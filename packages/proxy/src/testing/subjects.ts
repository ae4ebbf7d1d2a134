import { KeelsonError } from '@keelson/base';
import type { CommandRunner } from '../command-runner.ts';
import { IptablesMode } from '../iptables/iptables-mode.ts';
import { IpvsMode } from '../ipvs/ipvs-mode.ts';
import { NftablesMode } from '../nftables/nftables-mode.ts';
import { modeUnderTest } from './kernel-subject.ts';
import type { ModeSubject } from './mode-cases.ts';

/** Where the pods of the lab are. */
const CLUSTER_CIDRS = { IPv4: '10.200.0.0/16', IPv6: 'fd00:200::/32' } as const;

/** The nftables mode, for the suite. */
export const NFTABLES: ModeSubject = {
  name: 'nftables',
  open: (lab, of) =>
    modeUnderTest((family) => new NftablesMode({ run: lab.node.run }, { family, clusterCIDR: CLUSTER_CIDRS[family] }), of),
  keepsClientAddress: true,
  withoutLocalEndpoint: 'dropped',
  damage: 'nft flush map ip keelson-proxy tcp-endpoint-ips; nft flush chain ip keelson-proxy nat-prerouting',
  traces:
    "sysctl net.ipv4.conf.all.route_localnet; nft list ruleset | sed 's/expires [0-9a-z]*//; /^\\t\\telements = .*expires/d' | grep -v timeout",
  foreign: {
    put: "nft 'table ip mine { chain c { type filter hook input priority 0; ip saddr 203.0.113.1 drop; }; }'",
    take: 'nft delete table ip mine',
  },
};

/** The ipvs mode. */
export const IPVS: ModeSubject = {
  name: 'ipvs',
  open: (lab, of) =>
    modeUnderTest((family) => new IpvsMode({ run: lab.node.run }, { family, clusterCIDR: CLUSTER_CIDRS[family] }), of),
  keepsClientAddress: true,
  withoutLocalEndpoint: 'dropped',
  damage: 'ipvsadm -D -t 10.96.0.10:80; ip link del kube-ipvs0; nft flush chain ip keelson-ipvs nat-postrouting',
  // Endpoints without weight are on their way out.
  traces:
    'ipvsadm -Sn | grep -v -e "-w 0$" || true; ip -o addr show scope global | grep kube-ipvs0 | sed "s/^[0-9]*//" || true; nft list ruleset',
  foreign: { put: 'ipvsadm -A -t 203.0.113.1:80 -s rr', take: 'ipvsadm -D -t 203.0.113.1:80' },
  leftOut: {
    'serves a node port on 127.0.0.1, whatever the policy': 'what the kernel balances can not leave the loopback interface',
    'gives this node and its pods all endpoints, whatever the external policy': 'a virtual server has one list of endpoints',
    'remembers by cluster IP what a client got by node port': 'each address of a service is a virtual server of its own',
    'lets a client go when the time-out is over':
      'the kernel waits for its old connections, which take two minutes to be forgotten',
  },
};

/** The iptables mode by one of its two variants. */
export function iptablesSubject(variant: 'nft' | 'legacy'): ModeSubject {
  const save = `iptables-${variant}-save`;
  // The legacy one has one lock for all network namespaces, and gives up at once if another test has it.
  const change = `iptables-${variant} -w 60`;
  return {
    name: `iptables-${variant}`,
    open: (lab, of) =>
      modeUnderTest(
        (family) =>
          new IptablesMode({ run: onlyIptables(variant, lab.node.run) }, { family, clusterCIDR: CLUSTER_CIDRS[family] }),
        of,
      ),
    keepsClientAddress: true,
    withoutLocalEndpoint: 'dropped',
    damage: `${change} -t nat -F KUBE-SERVICES; ${change} -t nat -D OUTPUT 1; ${change} -A KUBE-FORWARD -j DROP`,
    traces: `{ ${save} -t nat; ${save} -t filter; } | grep -E '^(-A|:KUBE)' | sed 's/ \\[.*//'`,
    foreign: {
      put: `${change} -t nat -A OUTPUT -d 203.0.113.1/32 -j RETURN; ${change} -N KUBE-SOMEONE-ELSE`,
      take: `${change} -t nat -D OUTPUT -d 203.0.113.1/32 -j RETURN; ${change} -X KUBE-SOMEONE-ELSE`,
    },
  };
}

/** A runner for which only one variant of iptables is there. */
export function onlyIptables(variant: 'nft' | 'legacy', run: CommandRunner): CommandRunner {
  const other = variant === 'nft' ? 'legacy' : 'nft';
  return (command) => {
    if (new RegExp(`^ip6?tables-${other}`).test(command.file)) return Promise.reject(new KeelsonError('NotFound', 'left out'));
    return run(command);
  };
}

/** The userspace mode, which runs in the namespace of the node. */
export const USERSPACE: ModeSubject = {
  name: 'userspace',
  open: (lab, family = 'IPv4') => ({
    sync: (map, full = false) => lab.node.call('userspaceSync', [...map.values()], full, family),
    restart: () => lab.node.call('userspaceClose', family),
    cleanup: () => lab.node.call('userspaceCleanup', family),
  }),
  keepsClientAddress: false,
  withoutLocalEndpoint: 'refused',
  damage: 'ip addr del 10.96.0.10/32 dev lo',
  traces: 'ip -o addr show dev lo',
  foreign: { put: 'ip addr add 10.96.0.77/32 dev lo', take: 'ip addr del 10.96.0.77/32 dev lo' },
  leftOut: {
    'keeps the address of clients outside with the external policy Local, and uses local endpoints only':
      'endpoints see the address of the node',
    'serves external and load balancer addresses, the latter to their source ranges': 'only those that the node itself has',
    'gives this node and its pods all endpoints, whatever the external policy':
      'sockets do not see through which door a client came',
    'takes over UDP flows that are older than the first endpoint': 'there is no flow without a socket',
  },
};
