import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createAuthority, createSigningKey, isIssuedBy, loadAuthority, namesHosts, type KeyedCertificate } from './index.ts';

async function handshake(
  server: KeyedCertificate,
  client: KeyedCertificate,
  ca: string,
): Promise<{ user: string | undefined; groups: unknown }> {
  const listener = createServer({
    cert: server.certificate,
    key: server.privateKey,
    ca,
    requestCert: true,
    rejectUnauthorized: true,
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const socket = connect({ host: '127.0.0.1', port, ca, cert: client.certificate, key: client.privateKey });
  try {
    await once(socket, 'secureConnect');
    const [peer] = await accepted;
    const { subject } = peer.getPeerCertificate();
    return { user: [subject.CN].flat()[0], groups: [subject.O].flat() };
  } finally {
    socket.destroy();
    listener.close();
  }
}

describe('CertificateAuthority', () => {
  it('issues certificates that carry mutual TLS, with user and groups', async () => {
    const authority = await createAuthority({ commonName: 'test-ca' });
    const server = await authority.issue({
      commonName: 'server',
      ipAddresses: ['127.0.0.1'],
      dnsNames: ['localhost'],
      usages: ['server'],
    });
    const client = await authority.issue({ commonName: 'admin', organizations: ['system:masters', 'ops'], usages: ['client'] });

    const seen = await handshake(server, client, authority.certificate);

    expect(seen).toEqual({ user: 'admin', groups: ['system:masters', 'ops'] });
  });

  it('goes on signing after it was loaded again', async () => {
    const first = await createAuthority({ commonName: 'test-ca' });
    const again = loadAuthority({ certificate: first.certificate, privateKey: first.privateKey });

    const { certificate } = await again.issue({ commonName: 'x', usages: ['client'] });

    expect(isIssuedBy(certificate, first, Date.now())).toBe(true);
  });

  it('knows certificates that are not its own, have run out or name other hosts', async () => {
    const [one, other] = await Promise.all([createAuthority({ commonName: 'one' }), createAuthority({ commonName: 'one' })]);
    const { certificate } = await one.issue({
      commonName: 'x',
      dnsNames: ['a.example'],
      ipAddresses: ['10.0.0.1'],
      usages: ['server'],
      validDays: 1,
    });

    expect(isIssuedBy(certificate, other, Date.now())).toBe(false);
    expect(isIssuedBy(certificate, one, Date.now() + 2 * 86_400_000)).toBe(false);
    expect(isIssuedBy('nonsense', one, Date.now())).toBe(false);
    expect(namesHosts(certificate, ['a.example', '10.0.0.1'])).toBe(true);
    expect(namesHosts(certificate, ['a.example', '10.0.0.2'])).toBe(false);
  });

  it('refuses a key that does not belong to the certificate', async () => {
    const [one, other] = await Promise.all([createAuthority({ commonName: 'one' }), createAuthority({ commonName: 'two' })]);

    expect(() => loadAuthority({ certificate: one.certificate, privateKey: other.privateKey })).toThrow('does not belong');
    expect(() => loadAuthority({ certificate: 'x', privateKey: 'y' })).toThrow('not valid PEM');
  });

  it('makes key pairs for signing tokens', async () => {
    const { privateKey, publicKey } = await createSigningKey();

    expect(privateKey).toContain('BEGIN PRIVATE KEY');
    expect(publicKey).toContain('BEGIN PUBLIC KEY');
  });
});
