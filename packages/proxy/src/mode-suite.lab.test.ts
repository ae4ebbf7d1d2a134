import { SystemClock } from '@keelson/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOnlyMode, type ProxyModeName } from './modes.ts';
import { A, B, MODE_CASES, runModeCase, VIP } from './testing/mode-cases.ts';
import { labObstacle, NetworkLab } from './testing/network-lab.ts';
import { mapOf, servicePort } from './testing/service-ports.ts';
import { iptablesSubject, NFTABLES, onlyIptables, USERSPACE } from './testing/subjects.ts';

const obstacle = await labObstacle('iptables-nft', 'iptables-legacy', 'nft', 'conntrack');
if (obstacle && process.env['CI']) throw new Error(`These tests may not be left out in CI: ${obstacle}`);

describe.skipIf(obstacle !== '').each([NFTABLES, iptablesSubject('nft'), iptablesSubject('legacy'), USERSPACE])(
  `$name, on real packets${obstacle && ` (left out: ${obstacle})`}`,
  (subject) => {
    let lab: NetworkLab;

    beforeAll(async () => {
      lab = await NetworkLab.open();
    });
    afterAll(() => lab[Symbol.asyncDispose]());

    for (const one of MODE_CASES) {
      if (subject.leftOut?.[one.title] === undefined) it(one.title, () => runModeCase(one, lab, subject));
    }
  },
);

describe.skipIf(obstacle !== '')(`the mode of a node, on real packets${obstacle && ` (left out: ${obstacle})`}`, () => {
  let lab: NetworkLab;

  beforeAll(async () => {
    lab = await NetworkLab.open();
  });
  afterAll(() => lab[Symbol.asyncDispose]());

  it('is changed by starting another one, which serves before the rules of the old one go', async () => {
    const { run } = lab.node;
    const clock = new SystemClock();
    const of = (name: ProxyModeName) => createOnlyMode(name, { clock, run: onlyIptables('nft', run) });
    const map = mapOf(servicePort({ endpoints: [A, B], local: [A, B] }));
    const left = () => lab.node.sh('nft list tables; iptables-nft-save | grep -c KUBE || true');
    await of('iptables').sync(map);
    await lab.podB.call('startLoad', 'load', { host: VIP, port: 80, streams: 2 });
    expect(await left()).not.toMatch(/keelson-proxy/);
    await of('nftables').sync(map);
    expect(await left()).toMatch(/keelson-proxy\n(?:.*\n)*0\n$/);
    await of('iptables').sync(map);
    expect(await left()).not.toMatch(/keelson-proxy/);

    const { answers, failures } = await lab.podB.call('endLoad', 'load');
    expect(failures).toEqual({});
    expect(Object.keys(answers).sort()).toEqual(['a', 'b']);
  });
});
