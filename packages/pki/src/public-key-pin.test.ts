import { describe, expect, it } from 'vitest';
import { createAuthority } from './certificate-authority.ts';
import { certificatesIn, publicKeyPin } from './public-key-pin.ts';

/** Made by `openssl req -x509`. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIULYNw3BmAMywaZ1yFapGuoa0LNYQwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAeFw0yNjExMjYwMzM3NDNaFw0zNjExMjMw
MzM3NDNaMBUxEzARBgNVBAMMCmt1YmVybmV0ZXMwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQFAFvR6Eqz21zYe1BOHeJsC4QdRH87f8IHBhlelAcPLlFoRxBoQbT0
SeSU8skVm5WnoIpNU1mfguOPpxQXY1/jo1MwUTAdBgNVHQ4EFgQUXD/k0QvD6xA0
4vaWrLMRWhxMerEwHwYDVR0jBBgwFoAUXD/k0QvD6xA04vaWrLMRWhxMerEwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAgBorzzORQhv/ux5oHd2G
4eQU7ktHGsC7uIIl1hh4rSoCIQCKntOKOpKdSBZA/9xkDgRdir3ujxHH+yvJxAl4
/IOv4Q==
-----END CERTIFICATE-----
`;
/** Of it by `openssl x509 -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256`, as the instructions for kubeadm say. */
const HASH = '62cb3d24a75a80b19422c3ff7d908249a1fb83e63ea217468a72f0bb239e7588';

describe('publicKeyPin', () => {
  it('is what openssl makes of the public key', () => {
    expect(publicKeyPin(CERTIFICATE)).toBe(`sha256:${HASH}`);
  });

  it('refuses what is no certificate', () => {
    expect(() => publicKeyPin('no certificate')).toThrow('not valid PEM');
  });
});

describe('certificatesIn', () => {
  it('finds each of several', async () => {
    const [one, other] = await Promise.all(['one', 'other'].map((commonName) => createAuthority({ commonName })));
    const text = `# first\n${one?.certificate}# second\n${other?.certificate}`;

    expect(certificatesIn(text)).toEqual([one?.certificate.trim(), other?.certificate.trim()]);
    expect(certificatesIn('')).toEqual([]);
  });
});
