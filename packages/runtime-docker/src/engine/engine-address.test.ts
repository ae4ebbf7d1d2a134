import { describe, expect, it } from 'vitest';
import { addressText, engineAddress } from './engine-address.ts';

describe('engineAddress', () => {
  it.each([
    { host: 'unix:///run/docker.sock', text: 'unix:///run/docker.sock' },
    { host: '/run/docker.sock', text: 'unix:///run/docker.sock' },
    { host: 'tcp://10.0.0.1:2376', text: 'tcp://10.0.0.1:2376' },
    { host: 'tcp://build.example', text: 'tcp://build.example:2375' },
    { host: 'tcp://[::1]:2375', text: 'tcp://::1:2375' },
  ])('reads $host', ({ host, text }) => {
    expect(addressText(engineAddress(host))).toBe(text);
  });

  it.each(['', 'docker', 'unix://relative', 'ssh://somewhere'])('refuses "%s"', (host) => {
    expect(() => engineAddress(host)).toThrow(/no address of a Docker engine/);
  });
});
