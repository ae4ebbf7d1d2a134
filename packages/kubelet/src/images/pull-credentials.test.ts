import { expect, it } from 'vitest';
import { credentialsOf } from './pull-credentials.ts';

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

it.each([
  { server: 'registry.example', image: 'registry.example/shop/web:1', fits: true },
  { server: 'https://registry.example/v2/', image: 'registry.example/web', fits: true },
  { server: 'registry.example', image: 'other.example/web', fits: false },
  { server: 'registry.example:5000', image: 'registry.example/web', fits: false },
  { server: 'registry.example:5000', image: 'registry.example:5000/web', fits: true },
  { server: '*.example', image: 'registry.example/web', fits: true },
  { server: '*.example', image: 'a.registry.example/web', fits: false },
  { server: 'registry.example/shop', image: 'registry.example/shop/web:1', fits: true },
  { server: 'registry.example/shop', image: 'registry.example/shopping/web:1', fits: false },
  { server: 'https://index.docker.io/v1/', image: 'nginx', fits: true },
  { server: 'docker.io/shop', image: 'shop/web', fits: true },
  { server: 'docker.io', image: 'registry.example/nginx', fits: false },
])('takes a key for "$server" for "$image": $fits', ({ server, image, fits }) => {
  const data = { '.dockerconfigjson': encoded({ auths: { [server]: auth('me:a:b') } }) };
  const want = fits ? [{ username: 'me', password: 'a:b', serverAddress: server }] : [];

  expect(credentialsOf({ data }, image)).toEqual(want);
});

it('takes the key that names the image most closely', () => {
  const auths = { 'r.example': auth('wide:1'), 'r.example/shop/web': auth('close:1'), 'r.example/shop': auth('middle:1') };
  const found = credentialsOf({ data: { '.dockerconfigjson': encoded({ auths }) } }, 'r.example/shop/web:1');

  expect(found.map(({ username }) => username)).toEqual(['close', 'middle', 'wide']);
});

it('reads the older form, and takes a broken secret for one without keys', () => {
  const older = { '.dockercfg': encoded({ 'r.example': { username: 'me', password: 'secret' } }) };

  expect(credentialsOf({ data: older }, 'r.example/a')).toEqual([
    { username: 'me', password: 'secret', serverAddress: 'r.example' },
  ]);
  expect(credentialsOf({ data: { '.dockerconfigjson': 'bm90IEpTT04=' } }, 'r.example/a')).toEqual([]);
});
