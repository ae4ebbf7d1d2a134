import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { FakeNode } from '../test-support/fake-node.ts';
import { mapOf, servicePort } from '../testing/service-ports.ts';
import { IptablesMode } from './iptables-mode.ts';
import { endpointChain, serviceChain } from './names.ts';

const RESTORE = 'iptables-nft-restore -w 5 --noflush';
const FAILED = { code: 2, stderr: 'iptables-nft-restore: line 7 failed' };
const READ_SETTINGS = 'sysctl -e net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables';
const A = '10.200.1.2:8080';
const B = '10.200.1.3:8080';

function setUp() {
  const node = new FakeNode().without('iptables-legacy');
  node.answer('sysctl -n net.ipv4.conf.all.route_localnet', { stdout: '1\n' });
  node.answer(READ_SETTINGS, { stdout: 'net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n' });
  const inputs = () => node.commands.filter(({ file }) => file.endsWith('-restore')).map(({ input = '' }) => input);
  return { node, inputs, mode: new IptablesMode({ run: node.run }) };
}

describe('IptablesMode', () => {
  it('sends the first time everything, in one command', async () => {
    const { mode, inputs } = setUp();

    expect(await mode.sync(mapOf(servicePort({ endpoints: [A] })))).toEqual({ changed: true, problems: [] });

    expect(inputs()).toHaveLength(1);
    expect(inputs()[0]?.match(/^(?:\*\w+|COMMIT)$/gm)).toEqual(['*filter', 'COMMIT', '*nat', 'COMMIT']);
  });

  it('sends only what belongs to the endpoint that changed', async () => {
    const { mode, inputs } = setUp();
    const others = Array.from({ length: 20 }, (_, index) =>
      servicePort({ key: `default/s${index}`, clusterIPs: [`10.96.1.${index}`], endpoints: [A] }),
    );
    const port = servicePort({ endpoints: [A] });
    await mode.sync(mapOf(...others, port));

    await mode.sync(mapOf(...others, servicePort({ endpoints: [A, B] })));

    const chains = [serviceChain('SVC', port), endpointChain(port, { address: '10.200.1.3', port: 8080 })];
    expect(inputs()[1]?.match(/^:\S+/gm)?.sort()).toEqual(chains.map((chain) => `:${chain}`).sort());
    expect(inputs()[1]).not.toContain('KUBE-SERVICES');
    expect(inputs()[1]).not.toContain('*filter');
  });

  it('adds and removes single services without writing the long chains anew', async () => {
    const { mode, inputs } = setUp();
    const ports = Array.from({ length: 20 }, (_, index) =>
      servicePort({ key: `default/s${index}`, clusterIPs: [`10.96.1.${index}`], endpoints: [A] }),
    );
    await mode.sync(mapOf(...ports.slice(0, 19)));

    await mode.sync(mapOf(...ports.slice(1)));

    expect(inputs()[1]?.match(/^(?:-\w|:)\s?KUBE-SERVICES.*cluster IP/gm)).toEqual([
      expect.stringMatching(/^-D KUBE-SERVICES -d 10\.96\.1\.0\/32/),
      expect.stringMatching(/^-I KUBE-SERVICES -d 10\.96\.1\.19\/32/),
    ]);
  });

  it('does nothing when nothing has changed', async () => {
    const { mode, node } = setUp();
    const map = mapOf(servicePort({ endpoints: [A] }));
    await mode.sync(map);
    const before = node.commands.length;

    expect(await mode.sync(map)).toEqual({ changed: false, problems: [] });

    expect(node.commands).toHaveLength(before);
  });

  it.each([
    { title: 'fails', failure: FAILED, says: 'line 7 failed' },
    { title: 'hangs', failure: new KeelsonError('Timeout', 'it did not end in time'), says: 'did not end in time' },
  ])('looks at what is there again after a restore that $title', async ({ failure, says }) => {
    const { mode, node } = setUp();
    const map = mapOf(servicePort({ endpoints: [A] }));
    node.answer(RESTORE, failure);
    await expect(mode.sync(map)).rejects.toThrow(says);
    const before = node.lines.length;

    node.answers.delete(RESTORE);
    await mode.sync(map);

    expect(node.lines.slice(before)).toContain('iptables-nft-save -t nat');
  });

  it('keeps a chain of its own, empty, that a rule of someone else leads to', async () => {
    const { mode, node, inputs } = setUp();
    await mode.sync(mapOf(servicePort({ endpoints: [A] })));
    const real = node.run;
    const refusing = new IptablesMode({
      run: (command) =>
        command.input?.includes('-X KUBE-SEP')
          ? real(command).then(() => ({ stdout: '', code: 1, stderr: 'busy' }))
          : real(command),
    });
    node.answer('iptables-nft-save -t nat', { stdout: '*nat\n:KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]\nCOMMIT\n' });

    expect(await refusing.sync(mapOf())).toMatchObject({ changed: true });

    expect(inputs().at(-2)).toContain('-X KUBE-SEP-AAAAAAAAAAAAAAAA');
    expect(inputs().at(-1)).toContain(':KUBE-SEP-AAAAAAAAAAAAAAAA');
    expect(inputs().at(-1)).not.toContain('-X');
  });

  it.each([
    { title: 'a name with a quote', overrides: { key: 'default/"x' } },
    { title: 'an endpoint that is a name', overrides: { endpoints: ['db.example:80'] } },
    { title: 'an endpoint of the other family', overrides: { endpoints: ['fd00::1:80'] } },
    { title: 'a port that is none', overrides: { port: 0 } },
  ])('leaves out a service with $title, and serves the others', async ({ overrides }) => {
    const { mode, inputs } = setUp();
    const bad = servicePort({ key: 'default/bad', clusterIPs: ['10.96.0.99'], ...overrides });

    const report = await mode.sync(mapOf(bad, servicePort({ endpoints: [A] })));

    expect(report.problems).toMatchObject([{ service: bad.key, lasting: true }]);
    expect(inputs()[0]).toContain('10.96.0.10/32');
    expect(inputs()[0]).not.toContain('10.96.0.99');
  });

  it('does not need the conntrack program without UDP, and says so with it', async () => {
    const { mode, node } = setUp();
    node.without('conntrack');

    expect((await mode.sync(mapOf(servicePort({ endpoints: [A] })))).problems).toEqual([]);
    const report = await mode.sync(mapOf(servicePort({ endpoints: [A], protocol: 'UDP' })));

    expect(report.problems).toMatchObject([{ message: expect.stringContaining('conntrack'), lasting: true }]);
  });

  it('forgets flows again after it could not', async () => {
    const { mode, node } = setUp();
    const list = 'conntrack -L -f ipv4 -p udp';
    const map = mapOf(servicePort({ endpoints: [A], protocol: 'UDP' }));
    node.answer(list, { code: 1, stderr: 'busy' });
    expect((await mode.sync(map)).problems).toMatchObject([{ message: expect.stringContaining('busy') }]);

    node.answer(list, {});

    expect((await mode.sync(map)).problems).toEqual([]);
  });

  it('turns the settings on that it needs', async () => {
    const { mode, node } = setUp();
    node
      .answer(READ_SETTINGS, { stdout: 'net.ipv4.ip_forward = 0\nnet.bridge.bridge-nf-call-iptables = 1\n' })
      .answer('sysctl -n net.ipv4.conf.all.route_localnet', { stdout: '0' });

    await mode.sync(mapOf());

    expect(node.lines).toContain('sysctl -w net.ipv4.ip_forward=1');
    // First the rule that keeps neighbours out.
    const last = node.lines.lastIndexOf('sysctl -w net.ipv4.conf.all.route_localnet=1');
    expect(last).toBeGreaterThan(node.lines.indexOf(RESTORE));
  });

  it('says what does not work where a setting can not be turned on', async () => {
    const { mode, node } = setUp();
    node.answer(READ_SETTINGS, { stdout: 'net.ipv4.ip_forward = 1\n' }).without('modprobe');
    node.answer('sysctl -w net.bridge.bridge-nf-call-iptables=1', { code: 255, stderr: 'cannot stat' });

    const report = await mode.sync(mapOf());

    expect(report.problems).toMatchObject([{ message: expect.stringMatching(/pods of one bridge.*cannot stat/), lasting: true }]);
  });

  it('leaves 127.0.0.1 alone where node ports are not to be served there', async () => {
    const { node } = setUp();
    node.answer('sysctl -n net.ipv4.conf.all.route_localnet', { stdout: '0' });

    await new IptablesMode({ run: node.run }, { nodePortAddresses: ['192.0.2.0/24'] }).sync(mapOf());

    expect(node.lines.filter((line) => line.includes('-w net.ipv4.conf.all.route_localnet'))).toEqual([]);
  });

  it('cleans up both variants of iptables that hold rules', async () => {
    const node = new FakeNode().answer('cat /proc/net/ip_tables_names', { stdout: 'nat\n' });
    const left = { stdout: '*nat\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A OUTPUT -j KUBE-SERVICES\nCOMMIT\n' };
    for (const variant of ['nft', 'legacy']) node.answer(`iptables-${variant}-save -t nat`, left);

    await new IptablesMode({ run: node.run }).cleanup();

    const restores = node.commands.filter(({ file }) => file.endsWith('-restore'));
    expect(restores.map(({ file }) => file)).toEqual(['iptables-nft-restore', 'iptables-legacy-restore']);
    expect(restores[0]?.input).toBe('*nat\n:KUBE-SERVICES - [0:0]\n-D OUTPUT -j KUBE-SERVICES\n-X KUBE-SERVICES\nCOMMIT\n');
  });
});
