import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { labObstacle, NetworkLab } from '../testing/network-lab.ts';
import { servicePort } from '../testing/service-ports.ts';

const obstacle = await labObstacle();
if (obstacle && process.env['CI']) throw new Error(`These tests may not be left out in CI: ${obstacle}`);

const VIP = '10.96.0.10';
const NODE_PORT = 30_080;
const A = '10.200.1.2:8080';
const B = '10.200.1.3:8080';

describe.skipIf(obstacle !== '')(`UserspaceMode, on a node with pods${obstacle && ` (left out: ${obstacle})`}`, () => {
  let lab: NetworkLab;

  beforeAll(async () => {
    lab = await NetworkLab.open();
  });
  afterEach(() => lab.node.call('userspaceCleanup'));
  afterAll(() => lab[Symbol.asyncDispose]());

  const serve = (...ports: readonly Parameters<typeof servicePort>[0][]) =>
    lab.node.call(
      'userspaceSync',
      ports.map((one) => servicePort(one)),
      false,
    );
  const addresses = () => lab.node.sh('ip -o -4 addr show dev lo');

  it('takes endpoints in turn', async () => {
    await serve({ endpoints: [A, B] });

    const answers = [await lab.node.tcp(VIP, 80), await lab.podA.tcp(VIP, 80), await lab.podB.tcp(VIP, 80)];

    expect(answers).toEqual(['a 10.200.1.1', 'b 10.200.1.1', 'a 10.200.1.1']);
  });

  it('serves a node port on 127.0.0.1', async () => {
    await serve({ endpoints: [B], nodePort: NODE_PORT });

    expect(await lab.node.tcp('127.0.0.1', NODE_PORT)).toBe('b 10.200.1.1');
  });

  it('serves a cluster IP port that is also the number of a node port', async () => {
    await serve({ endpoints: [A], port: NODE_PORT, nodePort: NODE_PORT });

    expect(await lab.podB.tcp(VIP, NODE_PORT)).toBe('a 10.200.1.1');
    expect(await lab.outside.tcp('192.0.2.1', NODE_PORT)).toBe('a 10.200.1.1');
  });

  it('lets connections run on when endpoints change, and ends them with the service', async () => {
    await serve({ endpoints: [A] });
    await lab.podB.call('hold', 'one', VIP, 80);
    expect(await lab.podB.call('askHeld', 'one', 'w', 20_000)).toBe('a 10.200.1.1 w');

    await serve({ endpoints: [B] });
    expect(await lab.podB.call('askHeld', 'one', 'x', 20_000)).toBe('a 10.200.1.1 x');
    await serve();

    expect(await lab.podB.call('askHeld', 'one', 'y', 20_000)).toBe('CLOSED');
  });

  it('refuses while it is closed, and leaves only what is not its own when it cleans up', async () => {
    const before = await addresses();
    await lab.node.sh('ip addr add 10.96.0.77/32 dev lo');
    await serve({ endpoints: [A] });

    await lab.node.call('userspaceClose');
    expect(await lab.podB.tcp(VIP, 80)).toBe('ECONNREFUSED');
    await lab.node.call('userspaceCleanup');

    expect(await addresses()).toMatch(/10\.96\.0\.77/);
    await lab.node.sh('ip addr del 10.96.0.77/32 dev lo');
    expect(await addresses()).toBe(before);
  });
});
