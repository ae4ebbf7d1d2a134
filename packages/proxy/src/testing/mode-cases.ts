import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { SyncReport } from '../proxy-mode.ts';
import type { IpFamily, ServiceMap } from '../service-map.ts';
import type { NetworkLab } from './network-lab.ts';
import { mapOf, servicePort, type ServicePortSketch } from './service-ports.ts';

/** What of a mode is tested: on the node of a lab. */
export interface ModeUnderTest {
  sync(map: ServiceMap, full?: boolean): Promise<SyncReport>;
  /** A new life that knows nothing of the one before, whose rules are still there. */
  restart(): Promise<void>;
  cleanup(): Promise<void>;
}

/** A mode, and in what it is allowed to be different. */
export interface ModeSubject {
  readonly name: string;
  open(lab: NetworkLab, family?: IpFamily): ModeUnderTest;
  /** Whether endpoints see the addresses of pods and, where policies say so, of clients outside. */
  readonly keepsClientAddress: boolean;
  /** What becomes of traffic for local endpoints only, while all are on other nodes. */
  readonly withoutLocalEndpoint: 'dropped' | 'refused';
  /** Takes away something that the mode needs to serve. */
  readonly damage: string;
  /** Prints all that the mode may leave on the node, without what changes by itself. */
  readonly traces: string;
  /** Puts something beside it that is of the same kind and not the mode's, and takes it away again. */
  readonly foreign: { readonly put: string; readonly take: string };
  /** Cases that are not for this mode, and why. */
  readonly leftOut?: Readonly<Record<string, string>>;
}

export interface CaseContext {
  readonly lab: NetworkLab;
  readonly mode: ModeUnderTest;
  readonly subject: ModeSubject;
  serve(...ports: readonly ServicePortSketch[]): Promise<SyncReport>;
}

export interface ModeCase {
  readonly title: string;
  run(context: CaseContext): Promise<void>;
}

export const VIP = '10.96.0.10';
const NODE = '192.0.2.1';
const OUTSIDE = '192.0.2.2';
const BRIDGE = '10.200.1.1';
const POD_A = '10.200.1.2';
const POD_B = '10.200.1.3';
export const A = `${POD_A}:8080`;
export const B = `${POD_B}:8080`;
const NODE_PORT = 30_080;
const HEALTH_PORT = 30_081;
const BOTH = { endpoints: [A, B], local: [A, B] };
const ONLY_A = { endpoints: [A], local: [A] };
const ONLY_B = { endpoints: [B], local: [B] };

/** How often each server answered. */
async function tally(times: number, ask: () => Promise<string>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let round = 0; round < times; round++) {
    const name = (await ask()).split(' ')[0] ?? '';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const serverOf = (answer: string): string => answer.split(' ')[0] ?? '';

const BASICS: readonly ModeCase[] = [
  {
    title: 'shares new connections out among the endpoints',
    async run({ lab, serve }) {
      deepStrictEqual((await serve(BOTH)).problems, []);

      const fromNode = await tally(32, () => lab.node.tcp(VIP, 80));
      const fromPod = await tally(32, () => lab.podA.tcp(VIP, 80));

      // By chance, each gets half: less than three of thirty-two is rarer than one in four million.
      for (const counts of [fromNode, fromPod]) {
        ok((counts['a'] ?? 0) >= 3 && (counts['b'] ?? 0) >= 3, JSON.stringify(counts));
        strictEqual((counts['a'] ?? 0) + (counts['b'] ?? 0), 32);
      }
    },
  },
  {
    title: 'lets a pod reach another one, and itself',
    async run({ lab, serve, subject }) {
      await serve(ONLY_A);

      strictEqual(await lab.podB.tcp(VIP, 80), `a ${subject.keepsClientAddress ? POD_B : BRIDGE}`);
      strictEqual(await lab.podA.tcp(VIP, 80), `a ${BRIDGE}`);
      strictEqual(await lab.node.tcp(VIP, 80), `a ${BRIDGE}`);
    },
  },
  {
    title: 'serves TCP and UDP on the same port number',
    async run({ lab, serve }) {
      await serve({ ...ONLY_A, port: 53 }, { ...ONLY_B, key: 'default/web:udp', protocol: 'UDP', port: 53 });

      strictEqual(serverOf(await lab.podB.tcp(VIP, 53)), 'a');
      strictEqual(serverOf(await lab.podA.udp(5_101, VIP, 53)), 'b');
    },
  },
  {
    title: 'serves a node port from outside, from pods and on the node',
    async run({ lab, serve }) {
      await serve({ ...ONLY_B, nodePort: NODE_PORT });

      strictEqual(await lab.outside.tcp(NODE, NODE_PORT), `b ${BRIDGE}`);
      strictEqual(await lab.node.tcp(NODE, NODE_PORT), `b ${BRIDGE}`);
      strictEqual(await lab.podA.tcp(NODE, NODE_PORT), `b ${BRIDGE}`);
    },
  },
  {
    title: 'serves a node port on 127.0.0.1, whatever the policy',
    async run({ lab, serve }) {
      await serve({ ...ONLY_B, nodePort: NODE_PORT });
      strictEqual(await lab.node.tcp('127.0.0.1', NODE_PORT), `b ${BRIDGE}`);

      await serve({ endpoints: [B], nodePort: NODE_PORT, externalTrafficPolicy: 'Local' });

      strictEqual(await lab.node.tcp('127.0.0.1', NODE_PORT), `b ${BRIDGE}`);
    },
  },
  {
    title: 'keeps neighbours from what listens on 127.0.0.1 only',
    async run({ lab, serve }) {
      await serve({ ...ONLY_B, nodePort: NODE_PORT });
      const { node, outside } = lab;
      // It may listen since an earlier case.
      await node.call('serveTcp', 'private', 9_001).catch(() => undefined);
      await outside.sh(
        `ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via ${NODE}; sysctl -qw net.ipv4.conf.all.route_localnet=1`,
      );
      try {
        strictEqual(await outside.tcp('127.0.0.1', 9_001, { silence: true }), 'TIMEOUT');
      } finally {
        await outside.sh(`ip route del 127.0.0.1 via ${NODE}; ip addr add 127.0.0.1/8 dev lo`);
      }
    },
  },
  {
    title: 'serves external and load balancer addresses, the latter to their source ranges',
    async run({ lab, serve }) {
      await lab.outside.sh(`ip route replace 198.51.100.0/24 via ${NODE}`);
      const addresses = { ...ONLY_B, externalIPs: ['198.51.100.1'], loadBalancerIPs: ['198.51.100.2'] };
      await serve({ ...addresses, loadBalancerSourceRanges: ['192.0.2.0/24', '192.0.2.0/25', '0.0.0.1/32'] });
      strictEqual(serverOf(await lab.outside.tcp('198.51.100.1', 80)), 'b');
      strictEqual(serverOf(await lab.outside.tcp('198.51.100.2', 80)), 'b');

      await serve({ ...addresses, loadBalancerSourceRanges: ['203.0.113.0/24'] });

      strictEqual(serverOf(await lab.outside.tcp('198.51.100.1', 80)), 'b');
      strictEqual(await lab.outside.tcp('198.51.100.2', 80, { silence: true }), 'TIMEOUT');
    },
  },
  {
    title: 'gives what comes to a cluster IP from outside of the pods the address of the node, so that the answer comes back',
    async run({ lab, serve }) {
      await lab.outside.sh(`ip route replace ${VIP} via ${NODE}`);
      await serve(ONLY_B);

      strictEqual(await lab.outside.tcp(VIP, 80), `b ${BRIDGE}`);
    },
  },
  {
    title: 'serves IPv6, beside IPv4',
    async run({ lab, serve, subject }) {
      const mode = subject.open(lab, 'IPv6');
      const endpoints = ['[fd00:200:1::2]:8080'];
      await serve(ONLY_B);
      try {
        const report = await mode.sync(mapOf(servicePort({ clusterIPs: ['fd00:96::10'], endpoints, local: endpoints })));
        deepStrictEqual(report.problems, []);

        strictEqual(await lab.node.tcp('fd00:96::10', 80), 'a fd00:200:1::1');
        strictEqual(await lab.podB.tcp('fd00:96::10', 80), `a fd00:200:1::${subject.keepsClientAddress ? 3 : 1}`);
        strictEqual(await lab.podA.tcp('fd00:96::10', 80), 'a fd00:200:1::1');
        strictEqual(serverOf(await lab.podA.tcp(VIP, 80)), 'b');
      } finally {
        await mode.cleanup();
      }
      strictEqual(serverOf(await lab.podA.tcp(VIP, 80)), 'b');
    },
  },
];

const REFUSALS: readonly ModeCase[] = [
  {
    title: 'refuses at once where there is no endpoint',
    async run({ lab, serve }) {
      await serve({ nodePort: NODE_PORT, externalIPs: [] });

      strictEqual(await lab.node.tcp(VIP, 80), 'ECONNREFUSED');
      strictEqual(await lab.podA.tcp(VIP, 80), 'ECONNREFUSED');
      strictEqual(await lab.outside.tcp(NODE, NODE_PORT), 'ECONNREFUSED');
      strictEqual(await lab.node.tcp(NODE, NODE_PORT), 'ECONNREFUSED');
    },
  },
  {
    title: 'serves again once there is one',
    async run({ lab, serve }) {
      await serve({ nodePort: NODE_PORT });
      strictEqual(await lab.podA.tcp(VIP, 80), 'ECONNREFUSED');

      await serve({ ...ONLY_B, nodePort: NODE_PORT });

      strictEqual(serverOf(await lab.podA.tcp(VIP, 80)), 'b');
      strictEqual(serverOf(await lab.outside.tcp(NODE, NODE_PORT)), 'b');
    },
  },
];

const POLICIES: readonly ModeCase[] = [
  {
    title: 'keeps the address of clients outside with the external policy Local, and uses local endpoints only',
    async run({ lab, serve }) {
      await serve({ endpoints: [A, B], local: [B], nodePort: NODE_PORT, externalTrafficPolicy: 'Local' });

      const answers = new Set<string>();
      for (let round = 0; round < 8; round++) answers.add(await lab.outside.tcp(NODE, NODE_PORT));

      deepStrictEqual([...answers], [`b ${OUTSIDE}`]);
    },
  },
  {
    title: 'uses local endpoints only with the internal policy Local',
    async run({ lab, serve }) {
      await serve({ endpoints: [A, B], local: [B], internalTrafficPolicy: 'Local' });

      deepStrictEqual(await tally(8, () => lab.podA.tcp(VIP, 80)), { b: 8 });
    },
  },
  {
    title: 'does not send traffic for local endpoints elsewhere',
    async run({ lab, serve, subject }) {
      const policies = { externalTrafficPolicy: 'Local', internalTrafficPolicy: 'Local' } as const;
      await serve({ ...policies, endpoints: [B], nodePort: NODE_PORT });

      const expected = subject.withoutLocalEndpoint === 'dropped' ? 'TIMEOUT' : 'ECONNREFUSED';
      const silence = expected === 'TIMEOUT';
      strictEqual(await lab.outside.tcp(NODE, NODE_PORT, { silence }), expected);
      strictEqual(await lab.node.tcp(VIP, 80, { silence }), expected);
    },
  },
  {
    title: 'lets load balancers find out whether the node has endpoints',
    async run({ lab, serve }) {
      const service = { nodePort: NODE_PORT, healthCheckNodePort: HEALTH_PORT, externalTrafficPolicy: 'Local' } as const;
      const offer = async (sketch: ServicePortSketch): Promise<string> => {
        await serve({ ...service, ...sketch });
        await lab.node.call('answerHealthChecks', [servicePort({ ...service, ...sketch })]);
        return lab.outside.call('askHealth', NODE, HEALTH_PORT);
      };

      strictEqual(await offer({ endpoints: [A, B], local: [B] }), '200 1');
      strictEqual(await offer({ endpoints: [A, B], local: [] }), '503 0');
      await lab.node.call('answerHealthChecks', []);
      strictEqual(await lab.outside.call('askHealth', NODE, HEALTH_PORT), 'ECONNREFUSED');
    },
  },
  {
    title: 'gives this node and its pods all endpoints, whatever the external policy',
    async run({ lab, serve }) {
      await serve({ endpoints: [B], nodePort: NODE_PORT, externalTrafficPolicy: 'Local' });

      strictEqual(await lab.podA.tcp(NODE, NODE_PORT), `b ${POD_A}`);
      strictEqual(serverOf(await lab.node.tcp(NODE, NODE_PORT)), 'b');
    },
  },
];

const AFFINITY: readonly ModeCase[] = [
  {
    title: 'keeps a client at one endpoint, by cluster IP and node port alike',
    async run({ lab, serve }) {
      await serve({ ...BOTH, affinitySeconds: 600, nodePort: NODE_PORT });

      const first = serverOf(await lab.node.tcp(VIP, 80));

      deepStrictEqual(await tally(8, () => lab.node.tcp(VIP, 80)), { [first]: 8 });
      // The node has an address for each side: the client of the node port is another one, and stays with what it got.
      const outside = serverOf(await lab.outside.tcp(NODE, NODE_PORT));
      deepStrictEqual(await tally(8, () => lab.outside.tcp(NODE, NODE_PORT)), { [outside]: 8 });
    },
  },
  {
    title: 'remembers by cluster IP what a client got by node port',
    async run({ lab, serve }) {
      await serve({ ...BOTH, affinitySeconds: 600, nodePort: NODE_PORT });

      const first = serverOf(await lab.podA.tcp(NODE, NODE_PORT));

      deepStrictEqual(await tally(8, () => lab.podA.tcp(VIP, 80)), { [first]: 8 });
    },
  },
  {
    title: 'moves a client whose endpoint goes, and keeps it where it moved',
    async run({ lab, serve }) {
      await serve({ ...BOTH, affinitySeconds: 600 });
      const first = serverOf(await lab.podA.tcp(VIP, 80));

      await serve({ ...(first === 'a' ? ONLY_B : ONLY_A), affinitySeconds: 600 });
      const other = first === 'a' ? 'b' : 'a';
      deepStrictEqual(await tally(4, () => lab.podA.tcp(VIP, 80)), { [other]: 4 });
      await serve({ ...BOTH, affinitySeconds: 600 });

      deepStrictEqual(await tally(8, () => lab.podA.tcp(VIP, 80)), { [other]: 8 });
    },
  },
  {
    title: 'lets a client go when the time-out is over',
    async run({ lab, serve }) {
      await serve({ ...BOTH, affinitySeconds: 1 });
      const seen = new Set<string>();

      // The kernel's clock can't be moved. Each try has an even chance, so forty of them miss once in 10^12.
      for (let round = 0; round < 40 && seen.size < 2; round++) {
        seen.add(serverOf(await lab.podA.tcp(VIP, 80)));
        if (seen.size < 2) await lab.node.sh('sleep 1.3');
      }

      strictEqual(seen.size, 2);
    },
  },
];

const CHANGES: readonly ModeCase[] = [
  {
    title: 'moves UDP flows from an endpoint that is gone',
    async run({ lab, serve }) {
      const udp = { protocol: 'UDP', port: 53, nodePort: NODE_PORT } as const;
      await serve({ ...udp, ...ONLY_A });
      strictEqual(serverOf(await lab.podB.udp(5_001, VIP, 53)), 'a');
      strictEqual(serverOf(await lab.outside.udp(5_001, NODE, NODE_PORT)), 'a');

      await serve({ ...udp, ...ONLY_B });

      strictEqual(serverOf(await lab.podA.udp(5_002, VIP, 53)), 'b');
      strictEqual(serverOf(await lab.podB.udp(5_001, VIP, 53)), 'b');
      strictEqual(serverOf(await lab.outside.udp(5_001, NODE, NODE_PORT)), 'b');
    },
  },
  {
    title: 'takes over UDP flows that are older than the first endpoint',
    async run({ lab, mode, serve }) {
      await mode.sync(mapOf());
      strictEqual(await lab.podA.udp(5_003, VIP, 53, { silence: true }), 'TIMEOUT');

      await serve({ ...ONLY_B, protocol: 'UDP', port: 53 });

      strictEqual(serverOf(await lab.podA.udp(5_003, VIP, 53)), 'b');
    },
  },
  {
    title: 'lets a connection run on when its endpoint is taken out',
    async run({ lab, serve }) {
      await serve(ONLY_A);
      await lab.podB.call('hold', 'one', VIP, 80);
      ok((await lab.podB.call('askHeld', 'one', 'w', 20_000)).startsWith('a '));

      await serve(ONLY_B);

      const answer = await lab.podB.call('askHeld', 'one', 'x', 20_000);
      ok(answer.startsWith('a ') && answer.endsWith(' x'), answer);
      strictEqual(serverOf(await lab.podB.tcp(VIP, 80)), 'b');
    },
  },
  {
    title: 'loses no connection while endpoints are replaced under load',
    async run({ lab, serve }) {
      await serve({ ...ONLY_A, nodePort: NODE_PORT });
      await lab.podB.call('startLoad', 'inside', { host: VIP, port: 80, streams: 4 });
      await lab.outside.call('startLoad', 'outside', { host: NODE, port: NODE_PORT, streams: 4 });

      for (const step of [BOTH, ONLY_B, BOTH, ONLY_A, ONLY_B, BOTH]) await serve({ ...step, nodePort: NODE_PORT });

      for (const [machine, id] of [[lab.podB, 'inside'] as const, [lab.outside, 'outside'] as const]) {
        const { answers, failures } = await machine.call('endLoad', id);
        deepStrictEqual(failures, {});
        ok((answers['a'] ?? 0) > 0 && (answers['b'] ?? 0) > 0, JSON.stringify(answers));
      }
    },
  },
];

const LIFE: readonly ModeCase[] = [
  {
    title: 'repairs what someone has taken away, when it looks',
    async run({ lab, mode, subject }) {
      const map = mapOf(servicePort({ ...ONLY_A, nodePort: NODE_PORT }));
      await mode.sync(map);
      const before = await lab.node.sh(subject.traces);
      await lab.node.sh(subject.damage);

      deepStrictEqual((await mode.sync(map, true)).problems, []);

      strictEqual(serverOf(await lab.podB.tcp(VIP, 80)), 'a');
      strictEqual(serverOf(await lab.outside.tcp(NODE, NODE_PORT)), 'a');
      strictEqual(await lab.node.sh(subject.traces), before);
    },
  },
  {
    title: 'takes over what an earlier life has left, and takes away what is of no use any more',
    async run({ lab, mode, subject }) {
      const now = servicePort({ ...ONLY_B, affinitySeconds: 600 });
      await mode.sync(mapOf(now));
      const fresh = await lab.node.sh(subject.traces);
      const old = servicePort({ ...ONLY_A, key: 'default/old', clusterIPs: ['10.96.0.11'], affinitySeconds: 60 });
      await mode.sync(mapOf(servicePort(ONLY_A), old));

      await mode.restart();
      await mode.sync(mapOf(now));

      strictEqual(await lab.node.sh(subject.traces), fresh);
      strictEqual(serverOf(await lab.podA.tcp(VIP, 80)), 'b');
    },
  },
  {
    title: 'leaves nothing of its own and everything of others when it cleans up',
    async run({ lab, mode, subject, serve }) {
      await mode.cleanup();
      await lab.node.sh(subject.foreign.put);
      try {
        const before = await lab.node.sh(subject.traces);
        await serve({ ...BOTH, nodePort: NODE_PORT, affinitySeconds: 600, externalIPs: ['198.51.100.1'] });
        ok((await lab.node.sh(subject.traces)) !== before, 'there is nothing to clean up');

        await mode.restart();
        await mode.cleanup();

        strictEqual(await lab.node.sh(subject.traces), before);
      } finally {
        await lab.node.sh(subject.foreign.take);
      }
    },
  },
];

/** What every mode has to do, in real network namespaces with real packets. */
export const MODE_CASES: readonly ModeCase[] = [...BASICS, ...REFUSALS, ...POLICIES, ...AFFINITY, ...CHANGES, ...LIFE];

/** Runs one case, and leaves the node clean. */
export async function runModeCase(one: ModeCase, lab: NetworkLab, subject: ModeSubject): Promise<void> {
  const mode = subject.open(lab);
  try {
    await one.run(contextOf(lab, subject, mode));
  } finally {
    await mode.cleanup();
  }
}

/** Runs one case by a mode that serves the next one too: less is started, where that is dear. */
export async function runModeCaseBy(
  mode: ModeUnderTest,
  one: ModeCase,
  where: { lab: NetworkLab; subject: ModeSubject },
): Promise<void> {
  try {
    await one.run(contextOf(where.lab, where.subject, mode));
  } finally {
    await mode.sync(mapOf());
  }
}

function contextOf(lab: NetworkLab, subject: ModeSubject, mode: ModeUnderTest): CaseContext {
  const serve = (...sketches: readonly ServicePortSketch[]): Promise<SyncReport> =>
    mode.sync(mapOf(...sketches.map((sketch) => servicePort(sketch))));
  return { lab, mode, subject, serve };
}
