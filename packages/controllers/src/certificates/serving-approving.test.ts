import { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import { Node } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { eventually } from '@keelson/base/testing';
import { createClient } from '@keelson/client';
import { createCertificateRequest } from '@keelson/pki';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorld, type World } from '../testing/world.ts';
import { servingApprovingController } from './serving-approving-controller.ts';

type Names = Parameters<typeof createCertificateRequest>[0];

const SIGNER = 'kubernetes.io/kubelet-serving';
const ITS: Names = {
  commonName: 'system:node:one',
  organizations: ['system:nodes'],
  dnsNames: ['one'],
  ipAddresses: ['10.0.0.1'],
};

describe('kubelet-serving-approving-controller', () => {
  let world: World;

  beforeEach(async () => {
    world = await startWorld();
    const metadata = { name: 'kubernetes', namespace: 'default' };
    const ports = [{ name: 'https', port: 6443, protocol: 'TCP' }];
    await world.client
      .resource(EndpointSlice)
      .create({ metadata, addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.9'] }], ports });
    await world.run(servingApprovingController);
  });

  afterEach(() => world[Symbol.asyncDispose]());

  async function addNode(name: string, ip: string): Promise<void> {
    const nodes = world.client.resource(Node);
    const addresses = [
      { type: 'InternalIP', address: ip },
      { type: 'Hostname', address: name },
    ];
    await nodes.updateStatus({ ...(await nodes.create({ metadata: { name } })), status: { addresses } });
  }

  interface Asking {
    readonly name?: string;
    readonly user?: string;
    readonly groups?: readonly string[];
  }

  async function ask(
    names: Names,
    { name = 'r', user = 'system:node:one', groups = ['system:nodes'] }: Asking = {},
  ): Promise<void> {
    const { request } = await createCertificateRequest(names);
    const client = createClient(world.api.server.transport({ name: user, groups: [...groups, 'system:masters'] }));
    await client.resource(CertificateSigningRequest).create({
      metadata: { name },
      spec: {
        signerName: SIGNER,
        usages: ['digital signature', 'server auth'],
        request: Buffer.from(request).toString('base64'),
      },
    });
  }

  const conditions = async (name = 'r') =>
    (await world.client.resource(CertificateSigningRequest).get({ name })).status?.conditions ?? [];
  const approved = (name = 'r') => eventually(async () => (await conditions(name)).find(({ type }) => type === 'Approved'));

  /** Requests are looked at one after the other: when a later one is approved, those before it have had their turn. */
  async function otherIsApproved(): Promise<void> {
    await addNode('other', '10.0.0.7');
    const names = { ...ITS, commonName: 'system:node:other', dnsNames: ['other'], ipAddresses: ['10.0.0.7'] };
    await ask(names, { name: 'later', user: 'system:node:other' });
    await approved('later');
  }

  it('approves what a node asks for its own name and addresses', async () => {
    await addNode('one', '10.0.0.1');
    await ask(ITS);

    expect(await approved()).toMatchObject({ status: 'True', reason: 'AutoApproved' });
  });

  it('waits for the node to say which addresses it has', async () => {
    await ask(ITS);
    await otherIsApproved();
    const before = await conditions();

    await addNode('one', '10.0.0.1');

    expect(before).toEqual([]);
    expect(await approved()).toBeDefined();
  });

  it.each<{ title: string; names: Names; asking?: Asking; ip?: string }>([
    { title: 'for another node', names: ITS, asking: { user: 'system:node:two' } },
    { title: 'of somebody who is no node', names: ITS, asking: { groups: ['system:bootstrappers'] } },
    { title: 'for an address that the node has not', names: { ...ITS, ipAddresses: ['10.0.0.3'] } },
    { title: 'for a name that the node has not', names: { ...ITS, dnsNames: ['one', 'three'] } },
    { title: "for another node's address", names: { ...ITS, ipAddresses: ['10.0.0.2'] }, ip: '10.0.0.2' },
    { title: "for the API server's address", names: { ...ITS, ipAddresses: ['10.0.0.9'] }, ip: '10.0.0.9' },
    { title: 'by somebody who wants to be known to clients too', names: { ...ITS, organizations: ['system:masters'] } },
  ])('leaves a request $title to people', async ({ names, asking, ip = '10.0.0.1' }) => {
    await addNode('two', '10.0.0.2');
    await addNode('one', ip);
    await ask(names, asking);

    await otherIsApproved();

    expect(await conditions()).toEqual([]);
  });

  it('leaves the names of the API server to it', async () => {
    const name = 'kubernetes.default.svc';
    await addNode(name, '10.0.0.1');
    await ask({ ...ITS, commonName: `system:node:${name}`, dnsNames: [name] }, { user: `system:node:${name}` });

    await otherIsApproved();

    expect(await conditions()).toEqual([]);
  });

  it('asks nothing of requests for other signers', async () => {
    await addNode('one', '10.0.0.1');
    const { request } = await createCertificateRequest({ commonName: 'jane' });
    await world.client.resource(CertificateSigningRequest).create({
      metadata: { name: 'r' },
      spec: {
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth'],
        request: Buffer.from(request).toString('base64'),
      },
    });

    await otherIsApproved();

    expect(await conditions()).toEqual([]);
  });
});
