import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAuthority } from '../index.ts';
import { element, elements, integer, oid, time } from './der.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');

describe('DER', () => {
  it.each([
    { title: 'an object identifier', is: oid('1.2.840.10045.4.3.2'), want: '06082a8648ce3d040302' },
    { title: 'a number whose top bit is set', is: integer(Buffer.from([0x80])), want: '02020080' },
    {
      title: 'a time before 2050',
      is: time(new Date('2049-12-31T23:59:59.999Z')),
      want: `170d${hex(Buffer.from('491231235959Z'))}`,
    },
    {
      title: 'a time from 2050 on',
      is: time(new Date('2050-01-01T00:00:00Z')),
      want: `180f${hex(Buffer.from('20500101000000Z'))}`,
    },
    { title: 'a length of two bytes', is: element(4, Buffer.alloc(300)).subarray(0, 4), want: '0482012c' },
  ])('writes $title', ({ is, want }) => {
    expect(hex(is)).toBe(want);
  });

  it('reads back what it wrote', () => {
    const row = Buffer.concat([element(4, Buffer.alloc(1)), element(5), element(4, Buffer.alloc(70_000))]);

    expect(elements(row).map(({ tag, content }) => [tag, content.length])).toEqual([
      [4, 1],
      [5, 0],
      [4, 70_000],
    ]);
  });
});

describe('certificates', () => {
  it('say who they are for, what for, and under which addresses', async () => {
    const authority = await createAuthority({ commonName: 'Bücher & Söhne' });
    const { certificate } = await authority.issue({
      commonName: 'api',
      organizations: ['a', 'b'],
      dnsNames: ['localhost', '*.example.com'],
      ipAddresses: ['10.0.0.1', '::1', '2001:db8::2:1', '::ffff:1.2.3.4'],
      usages: ['server', 'client'],
    });

    const leaf = new X509Certificate(certificate);

    expect(leaf.subject).toBe('CN=api\nO=a\nO=b');
    expect(leaf.issuer).toBe(new X509Certificate(authority.certificate).subject);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    for (const address of ['10.0.0.1', '::1', '2001:db8::2:1', '::ffff:1.2.3.4']) expect(leaf.checkIP(address)).toBeDefined();
    expect(leaf.checkHost('x.example.com')).toBeDefined();
    expect(leaf.ca).toBe(false);
  });

  it('end no later than their authority', async () => {
    const now = (): number => Date.parse('2030-01-01T00:00:00Z');
    const authority = await createAuthority({ commonName: 'short', validDays: 10, now });

    const { certificate } = await authority.issue({ commonName: 'x', usages: ['client'], validDays: 100 });

    expect(new X509Certificate(certificate).validToDate).toEqual(new Date('2030-01-11T00:00:00Z'));
    expect(new X509Certificate(certificate).validFromDate).toEqual(new Date('2029-12-31T23:55:00Z'));
  });

  const openssl = spawnSync('openssl', ['version']).status === 0;
  it.skipIf(!openssl)('satisfy OpenSSL in its strict mode (left out without openssl)', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'keelson-pki-'));
    try {
      const authority = await createAuthority({ commonName: 'strict-ca' });
      const leaf = await authority.issue({ commonName: 'x', dnsNames: ['x.example'], usages: ['server'] });
      writeFileSync(join(directory, 'ca.crt'), authority.certificate);
      writeFileSync(join(directory, 'x.crt'), leaf.certificate);

      const args = [
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        '-CAfile',
        join(directory, 'ca.crt'),
        join(directory, 'x.crt'),
      ];
      const { stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });

      expect(`${stdout}${stderr}`).toMatch(/x\.crt: OK/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
