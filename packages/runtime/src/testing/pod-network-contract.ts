import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { NetworkAttachment, NetworkRequest, PodNetwork } from '../pod-network.ts';

export interface NetworkUnderTest {
  /** Another one on the same state, as after a crash: gives addresses out of a range of 5 usable ones at most. */
  open(): Promise<PodNetwork>;
  /** A network namespace that is there until the end, or until it is removed. */
  makeNamespace(name: string): Promise<string>;
  removeNamespace(name: string): Promise<void>;
  /** Addresses of the interface inside a namespace, as the kernel has them. */
  addressesIn(namespacePath: string, interfaceName: string): Promise<readonly string[]>;
  /** Somebody takes the interface out of a namespace. */
  loseInterface(namespacePath: string, interfaceName: string): Promise<void>;
  close(): Promise<void>;
}

const none = async (): Promise<ReadonlySet<string>> => new Set();
const OPEN_TIMEOUT_MS = 120_000;

/** The contract of `PodNetwork` as a suite of tests. `start` is called once; each test begins with no sandbox attached. */
export function describePodNetworkContract(name: string, start: () => Promise<NetworkUnderTest>): void {
  describe(`${name}, as a PodNetwork`, () => {
    const world = new World(start);
    beforeAll(() => world.start(), OPEN_TIMEOUT_MS);
    afterAll(() => world.close(), OPEN_TIMEOUT_MS);
    beforeEach(() => world.network.retain(none));
    describeAttachments(world);
    describeWhatIsLeft(world);
  });
}

class World {
  readonly #start: () => Promise<NetworkUnderTest>;
  #under: NetworkUnderTest | undefined;
  #network: PodNetwork | undefined;
  #made = 0;

  constructor(start: () => Promise<NetworkUnderTest>) {
    this.#start = start;
  }

  get under(): NetworkUnderTest {
    if (!this.#under) throw new Error('The network under test could not be started');
    return this.#under;
  }

  get network(): PodNetwork {
    if (!this.#network) throw new Error('The network under test could not be opened');
    return this.#network;
  }

  async start(): Promise<void> {
    this.#under = await this.#start();
    this.#network = await this.under.open();
  }

  async close(): Promise<void> {
    await this.#network?.retain(none);
    await this.#under?.close();
  }

  async request(more: Partial<NetworkRequest> = {}): Promise<NetworkRequest> {
    const sandboxId = `sandbox-${process.pid}-${(this.#made += 1)}`;
    const pod = { uid: `uid-${this.#made}`, name: `pod-${this.#made}`, namespace: 'contract' };
    const namespacePath = await this.under.makeNamespace(sandboxId);
    return { pod, sandboxId, namespacePath, portMappings: [], ...more };
  }

  async attach(): Promise<NetworkAttachment> {
    return this.network.add(await this.request());
  }
}

function describeAttachments(world: World): void {
  it('is ready', async () => {
    expect(await world.network.status()).toEqual({ ready: true });
  });

  it('gives a namespace an interface with the address that it tells', async () => {
    const attachment = await world.attach();

    const { interfaceName, ips, namespacePath } = attachment;
    expect(attachment).toMatchObject({ state: 'attached', ips: [expect.any(String)] });
    expect(await world.under.addressesIn(namespacePath, interfaceName)).toEqual(ips);
    expect(await world.under.addressesIn(namespacePath, 'lo')).toContain('127.0.0.1');
  });

  it('knows an attachment again', async () => {
    const request = await world.request();
    const attachment = await world.network.add(request);

    expect(attachment).toMatchObject(request);
    expect(await world.network.find(request.sandboxId)).toEqual(attachment);
    expect(await world.network.find('nobody')).toBeUndefined();
  });

  it('gives sandboxes that come at once different addresses', async () => {
    const requests = [await world.request(), await world.request(), await world.request()];

    const attachments = await Promise.all(requests.map((request) => world.network.add(request)));

    expect(new Set(attachments.flatMap(({ ips }) => ips)).size).toBe(3);
  });

  it('finds an attached sandbox in order, and one that has lost its interface not', async () => {
    const { namespacePath, interfaceName, sandboxId } = await world.attach();

    await world.network.check(sandboxId);
    await world.under.loseInterface(namespacePath, interfaceName);

    await expect(world.network.check(sandboxId)).rejects.toMatchObject({ reason: 'InternalError' });
    await expect(world.network.check('nobody')).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('puts a second attempt for the same sandbox in the place of the first', async () => {
    const request = await world.request();
    await world.network.add(request);

    const { ips } = await world.network.add(request);

    expect(await world.under.addressesIn(request.namespacePath, 'eth0')).toEqual(ips);
  });

  it('takes everything away, and may be told so again', async () => {
    const { sandboxId, namespacePath } = await world.attach();

    await world.network.remove(sandboxId);
    await world.network.remove(sandboxId);

    expect(await world.under.addressesIn(namespacePath, 'eth0')).toEqual([]);
    expect(await world.network.find(sandboxId)).toBeUndefined();
    await expect(world.network.check(sandboxId)).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('leaves nothing of a sandbox whose namespace is not there', async () => {
    const request = { ...(await world.request()), namespacePath: '/nowhere/at/all' };

    await expect(world.network.add(request)).rejects.toMatchObject({ reason: 'InternalError' });

    expect(await world.network.find(request.sandboxId)).toBeUndefined();
  });
}

function describeWhatIsLeft(world: World): void {
  it('gives addresses up, also those of namespaces that are gone', async () => {
    const seen = new Set<string>();

    // More than there are addresses.
    for (let round = 0; round < 7; round += 1) {
      const { sandboxId, ips } = await world.attach();
      for (const ip of ips) seen.add(ip);
      await world.under.removeNamespace(sandboxId);
      await world.network.remove(sandboxId);
    }

    expect(seen.size).toBeLessThan(7);
  });

  it('says so when there is no address left, and takes one as soon as it is given up', async () => {
    const attached: NetworkAttachment[] = [];
    const request = await world.request();
    const full = await (async () => {
      for (let round = 0; round < 7; round += 1) attached.push(await world.attach());
    })().catch((error: unknown) => error);
    await world.network.remove(attached[0]?.sandboxId ?? '');

    const { ips } = await world.network.add(request);

    expect(full).toMatchObject({ reason: 'InternalError', message: expect.stringContaining('no IP addresses available') });
    expect(ips).toEqual(attached[0]?.ips);
  });

  it('finds everything again after a crash, and clears up what nobody wants any more', async () => {
    const kept = await world.attach();
    const orphan = await world.attach();
    const later = await world.under.open();

    const found = await later.find(orphan.sandboxId);
    await later.retain(async () => new Set([kept.sandboxId]));

    expect(found).toEqual(orphan);
    expect(await later.find(kept.sandboxId)).toEqual(kept);
    expect(await later.find(orphan.sandboxId)).toBeUndefined();
    expect(await world.under.addressesIn(kept.namespacePath, kept.interfaceName)).toEqual(kept.ips);
    expect(await world.under.addressesIn(orphan.namespacePath, orphan.interfaceName)).toEqual([]);
    // The first one has not heard of it.
    await world.network.remove(orphan.sandboxId);
  });

  it('keeps what is attached while somebody clears up', async () => {
    let during: NetworkAttachment | undefined;

    await world.network.retain(async () => {
      during = await world.attach();
      return new Set();
    });

    expect(await world.network.find(during?.sandboxId ?? '')).toEqual(during);
  });

  it('gives up what it has begun when it is told to stop', async () => {
    const request = await world.request();
    const controller = new AbortController();
    const adding = world.network.add(request, controller.signal);
    controller.abort(new Error('enough'));

    await expect(adding).rejects.toThrow('enough');

    expect(await world.network.find(request.sandboxId)).toBeUndefined();
  });
}
