import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createAuthority, createSigningKey, isIssuedBy, loadAuthority, namesHosts, type KeyedCertificate } from './index.ts';
import { requestOf } from './testing/request.ts';

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

  it.each([
    { title: 'a short time', validMs: 600_000, ends: 600_000 },
    { title: 'a long time, put back as a whole', validMs: 86_400_000, ends: 86_100_000 },
    { title: 'longer than the authority is valid', validMs: 900 * 86_400_000, ends: 10 * 86_400_000 },
  ])('signs requests for $title', async ({ validMs, ends }) => {
    const nowMs = Date.UTC(2026, 0, 1);
    const authority = await createAuthority({ commonName: 'test-ca', validDays: 10, now: () => nowMs });
    const asked = await requestOf('RSA', [{ type: 'dns', value: 'a.example' }]);

    const certificate = new X509Certificate(
      await authority.sign(asked, { usages: ['client auth', 'key encipherment'], validMs }),
    );

    expect(certificate.subject).toBe('CN=alice\nO=dev');
    expect(certificate.subjectAltName).toBe('DNS:a.example');
    expect([certificate.ca, certificate.publicKey.asymmetricKeyType]).toEqual([false, 'rsa']);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect([certificate.validFromDate.getTime(), certificate.validToDate.getTime()]).toEqual([nowMs - 300_000, nowMs + ends]);
  });

  it('signs nothing when it has run out', async () => {
    let nowMs = Date.UTC(2026, 0, 1);
    const authority = await createAuthority({ commonName: 'test-ca', validDays: 1, now: () => nowMs });
    nowMs += 2 * 86_400_000;

    const signing = authority.sign(await requestOf('Ed25519'), { usages: ['client auth'], validMs: 600_000 });

    await expect(signing).rejects.toThrow('the authority has expired');
  });

  it('makes key pairs for signing tokens', async () => {
    const { privateKey, publicKey } = await createSigningKey();

    expect(privateKey).toContain('BEGIN PRIVATE KEY');
    expect(publicKey).toContain('BEGIN PUBLIC KEY');
  });
});
