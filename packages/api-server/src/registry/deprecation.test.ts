import { facts } from '@keelson/api';
import { expect, it } from 'vitest';
import { HttpsServer } from '../test-support/https-server.ts';
import { deprecationOf } from './deprecation.ts';

it('knows from when on a kind should be used no more', () => {
  const warnings = facts().resources.map((fact) => deprecationOf(fact));

  expect(warnings).toContain('resource.k8s.io/v1beta1 ResourceClaim is deprecated in v1.35+, unavailable in v1.38+');
  expect(warnings.filter((warning) => warning?.includes('v1.37+ is'))).toEqual([]);
  expect(
    facts()
      .resources.filter((fact) => fact.stability === 'GA' && deprecationOf(fact))
      .map(({ kind }) => kind),
  ).toEqual(['ComponentStatus', 'Endpoints']);
});

it('warns whoever asks for Endpoints', async () => {
  await using server = await HttpsServer.start();

  const { headers } = await server.json('/api/v1/namespaces/default/endpoints');

  expect(headers.warning).toBe('299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"');
});
