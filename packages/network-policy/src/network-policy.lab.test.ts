import { existsSync } from 'node:fs';
import { Namespace, Pod } from '@keelson/api/core/v1';
import { NetworkPolicy, type NetworkPolicySpec } from '@keelson/api/networking/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import { InformerFactory } from '@keelson/controller-runtime';
import { labObstacle } from '@keelson/proxy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NetworkPolicyEnforcer, removeNetworkPolicyRules } from './network-policy-enforcer.ts';
import { PolicyLab, removeLeftovers, type Place } from './testing/policy-lab.ts';

const obstacle = await labObstacle('nft');
if (obstacle && process.env['CI']) throw new Error(`These tests may not be left out in CI: ${obstacle}`);

type Way = readonly [from: Place, to: Place, port?: number | 'udp'];
const DB = { matchLabels: { app: 'db' } };
const WEB = { matchLabels: { app: 'web' } };
const OTHER = { matchLabels: { team: 'other' } };
const BOTH = ['Ingress', 'Egress'];

describe.skipIf(obstacle !== '')(`NetworkPolicies between real namespaces${obstacle && ` (LEFT OUT: ${obstacle})`}`, () => {
  let lab: PolicyLab;
  let api: TestApiServer;
  let client: Client;
  let informers: InformerFactory;
  let enforcer: NetworkPolicyEnforcer;
  // What is established stays open, so each question over UDP is a flow of its own.
  let localPort = 20_000;

  beforeAll(async () => {
    await removeLeftovers((pid) => existsSync(`/proc/${pid}`));
    lab = await PolicyLab.open();
    api = await startTestApiServer({ namespaces: ['shop', 'other'] });
    client = createClient(api.transport);
    await client.resource(Namespace).patch({ name: 'other' }, 'merge', { metadata: { labels: { team: 'other' } } });
    await addPod('shop', 'web');
    await addPod('shop', 'db');
    await addPod('other', 'client');
    const clock = new SystemClock();
    informers = new InformerFactory({ client, clock, logger: silentLogger });
    enforcer = new NetworkPolicyEnforcer(
      { informers, clock, logger: silentLogger, run: lab.at('node').run },
      { nodeName: 'node-1' },
    );
    await informers.start(new AbortController().signal);
    await enforcer.start(new AbortController().signal);
  });
  afterEach(async () => {
    for (const namespace of ['shop', 'other']) await client.resource(NetworkPolicy).deleteCollection({ namespace });
    await expect.poll(() => tables()).not.toContain('keelson-policy');
  });
  afterAll(async () => {
    await enforcer?.stop();
    await informers?.stop();
    await api?.close();
    await lab?.[Symbol.asyncDispose]();
  });

  const addPod = async (namespace: string, name: 'web' | 'db' | 'client'): Promise<void> => {
    const ports = [{ name: 'http', containerPort: 8080 }];
    const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'i', ports }] };
    await client.resource(Pod).create({ metadata: { name, namespace, labels: { app: name } }, spec });
    const ip = lab.addressOf(name);
    await client
      .resource(Pod)
      .patchStatus({ name, namespace }, 'merge', { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] } });
  };
  const apply = async (spec: NetworkPolicySpec, name = 'p', namespace = 'shop'): Promise<void> => {
    await client.resource(NetworkPolicy).create({ metadata: { name, namespace }, spec });
    await expect.poll(() => tables()).toContain('keelson-policy');
  };
  const label = (name: string, namespace: string, labels: Record<string, string | null>): Promise<unknown> =>
    client.resource(Pod).patch({ name, namespace }, 'merge', { metadata: { labels } });
  const tables = (): Promise<string> => lab.at('node').sh('nft list tables');
  const isOpen = async ([from, to, port = 8080]: Way): Promise<boolean> => {
    const [machine, host] = [lab.at(from), lab.addressOf(to)];
    const answer =
      port === 'udp' ? machine.udp((localPort += 1), host, 8080, { silence: true }) : machine.tcp(host, port, { silence: true });
    return (await answer).startsWith(`${to} `);
  };
  const open = async (ways: readonly Way[]): Promise<readonly string[]> => {
    const seen = await Promise.all(ways.map(async (way) => ((await isOpen(way)) ? [way.join('-')] : [])));
    return seen.flat();
  };
  const expectOpen = (ways: readonly Way[], want: readonly string[]): Promise<void> =>
    expect.poll(() => open(ways)).toEqual(want);
  const TO_DB: readonly Way[] = [
    ['web', 'db'],
    ['client', 'db'],
    ['outside', 'db'],
    ['node', 'db'],
  ];

  it('leaves everything open without a policy', async () => {
    await expectOpen(
      [...TO_DB, ['db', 'outside'], ['web', 'db', 'udp']],
      [...TO_DB.map((way) => way.join('-')), 'db-outside', 'web-db-udp'],
    );
  });

  it('denies what comes in, but not from the node, nor the answers to what goes out', async () => {
    await apply({ podSelector: {}, policyTypes: ['Ingress'] });

    await expectOpen(
      [...TO_DB, ['web', 'db', 'udp'], ['db', 'client'], ['db', 'outside'], ['web', 'client']],
      ['node-db', 'db-client', 'db-outside', 'web-client'],
    );
  });

  it('is in effect for a new pod before anything runs in it, and before the API knows its address', async () => {
    await apply({ podSelector: {}, policyTypes: ['Ingress'] });
    const address = (ip: string | null, podIPs: readonly { readonly ip: string }[] | null): Promise<unknown> =>
      client.resource(Pod).patchStatus({ name: 'db', namespace: 'shop' }, 'merge', { status: { podIP: ip, podIPs } });
    await address(null, null);
    await expect.poll(() => isOpen(['web', 'db'])).toBe(true);
    const pod = await client.resource(Pod).get({ name: 'db', namespace: 'shop' });
    const ip = lab.addressOf('db');

    await enforcer.admit(pod, [ip], new AbortController().signal);

    expect(await isOpen(['web', 'db'])).toBe(false);
    await expectOpen([['node', 'db']], ['node-db']);
    await address(ip, [{ ip }]);
  });

  it('denies what goes out, but not to the node', async () => {
    await apply({ podSelector: {}, policyTypes: ['Egress'] });

    await expectOpen(
      [
        ['web', 'db'],
        ['web', 'outside'],
        ['web', 'client', 'udp'],
        ['client', 'web'],
        ['outside', 'web'],
        ['node', 'web'],
        ['web', 'node'],
      ],
      ['client-web', 'outside-web', 'node-web', 'web-node'],
    );
  });

  it('denies both', async () => {
    await apply({ podSelector: {}, policyTypes: BOTH });

    await expectOpen(
      [
        ['web', 'db'],
        ['client', 'web'],
        ['web', 'client'],
        ['outside', 'db'],
        ['node', 'db'],
      ],
      ['node-db'],
    );
  });

  it('allows all again by a second policy', async () => {
    await apply({ podSelector: {}, policyTypes: BOTH });
    await apply({ podSelector: {}, policyTypes: BOTH, ingress: [{}], egress: [{}] }, 'open');

    await expectOpen(
      [
        ['web', 'db'],
        ['client', 'web'],
        ['web', 'client'],
        ['outside', 'db'],
      ],
      ['web-db', 'client-web', 'web-client', 'outside-db'],
    );
  });

  it('needs both ends to allow', async () => {
    await apply({ podSelector: WEB, policyTypes: ['Egress'], egress: [{ to: [{ podSelector: DB }] }] }, 'out');
    await apply({ podSelector: DB, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'nobody' } } }] }] }, 'in');

    await expectOpen(
      [
        ['web', 'db'],
        ['web', 'client'],
      ],
      [],
    );
    await client.resource(NetworkPolicy).delete({ name: 'in', namespace: 'shop' });
    await expectOpen(
      [
        ['web', 'db'],
        ['web', 'client'],
      ],
      ['web-db'],
    );
  });

  it('lets pods of namespaces in, one or the other, or both at once', async () => {
    await apply({
      podSelector: DB,
      ingress: [{ from: [{ namespaceSelector: OTHER, podSelector: { matchLabels: { access: 'true' } } }] }],
    });

    await expectOpen(TO_DB, ['node-db']);
    await label('client', 'other', { access: 'true' });
    await expectOpen(TO_DB, ['client-db', 'node-db']);
    await label('client', 'other', { access: null });
    await expectOpen(TO_DB, ['node-db']);
    await apply({ podSelector: DB, ingress: [{ from: [{ namespaceSelector: OTHER }, { podSelector: WEB }] }] }, 'more');
    await expectOpen(TO_DB, ['web-db', 'client-db', 'node-db']);
  });

  it('knows addresses outside by blocks and their exceptions', async () => {
    await apply({ podSelector: DB, ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.2/32'] } }] }] });
    await expectOpen(TO_DB, ['node-db']);

    await apply({ podSelector: DB, ingress: [{ from: [{ ipBlock: { cidr: '192.0.2.2/31' } }] }] }, 'block');
    await expectOpen(TO_DB, ['outside-db', 'node-db']);
  });

  it('knows ports by number, name, protocol and range', async () => {
    const ways: readonly Way[] = [
      ['web', 'db', 8080],
      ['web', 'db', 9090],
      ['web', 'db', 'udp'],
    ];
    const cases: readonly (readonly [NonNullable<NonNullable<NetworkPolicySpec['ingress']>[0]['ports']>, readonly string[]])[] = [
      [[{ port: 9090 }], ['web-db-9090']],
      [[{ port: 'http' }], ['web-db-8080']],
      [[{ protocol: 'UDP', port: 8080 }], ['web-db-udp']],
      [[{ protocol: 'TCP' }], ['web-db-8080', 'web-db-9090']],
      [[{ port: 8081, endPort: 9090 }], ['web-db-9090']],
    ];
    for (const [index, [ports, want]] of cases.entries()) {
      await apply({ podSelector: DB, ingress: [{ from: [{ podSelector: WEB }], ports }] }, `ports-${index}`);
      await expectOpen(ways, want);
      await client.resource(NetworkPolicy).delete({ name: `ports-${index}`, namespace: 'shop' });
    }
  });

  it('lets pods out to certain ports of certain pods, by the name of the port there', async () => {
    await apply({
      podSelector: WEB,
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: DB }], ports: [{ port: 'http' }] }],
    });

    await expectOpen(
      [
        ['web', 'db', 8080],
        ['web', 'db', 9090],
        ['web', 'client'],
        ['client', 'web'],
      ],
      ['web-db-8080', 'client-web'],
    );
  });

  it('sees the pods at both ends of a Service, not the address of the Service', async () => {
    await lab
      .at('node')
      .sh(
        'nft add table ip service; nft add chain ip service prerouting "{ type nat hook prerouting priority -100; }"; nft add rule ip service prerouting ip daddr 10.96.0.10 tcp dport 80 dnat to 10.200.1.3:8080',
      );
    await apply({ podSelector: DB, ingress: [{ from: [{ podSelector: WEB }], ports: [{ port: 8080 }] }] });
    const byService = (place: Place): Promise<string> => lab.at(place).tcp('10.96.0.10', 80, { silence: true });

    await expect.poll(() => byService('web')).toBe('db 10.200.1.2');
    await expect.poll(() => byService('client')).toBe('TIMEOUT');
    expect(await tables()).toContain('table ip service');
    await lab.at('node').sh('nft delete table ip service');
  });

  it('takes up a pod that comes, and forgets one that goes', async () => {
    await apply({ podSelector: DB, ingress: [{ from: [{ podSelector: WEB }] }] });
    await expectOpen(TO_DB, ['web-db', 'node-db']);

    await client.resource(Pod).delete({ name: 'web', namespace: 'shop' }, { gracePeriodSeconds: 0 });
    await expectOpen(TO_DB, ['node-db']);
    await addPod('shop', 'web');
    await expectOpen(TO_DB, ['web-db', 'node-db']);
  });

  it('keeps what it has put there over a stop, and leaves nothing but what is others’ when told to', async () => {
    const run = lab.at('node').run;
    await lab.at('node').sh('nft add table inet foreign');
    await apply({ podSelector: DB, policyTypes: ['Ingress'] });
    await expectOpen(TO_DB, ['node-db']);

    await removeNetworkPolicyRules(run);
    await removeNetworkPolicyRules(run);

    expect(await tables()).toBe('table inet foreign\n');
    await lab.at('node').sh('nft delete table inet foreign');
  });
});
