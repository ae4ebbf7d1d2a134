import { describe, expect, it } from 'vitest';
import { ApiProbe } from '../test-support/api-probe.ts';
import { startTestApiServer, type TestApiServer } from '../testing.ts';

const MAPS = '/api/v1/namespaces/default/configmaps';

/** `<family>/<code> <verb> <scope> <number>` of each series about ConfigMaps. */
function counted(api: TestApiServer): string[] {
  const series =
    /^apiserver_(request_total|longrunning_requests)\{(?:code="(\d+)",)?.*resource="configmaps",scope="(\w*)",.*verb="(\w+)".*\} (\d+)$/gm;
  return [...api.server.requests.text().matchAll(series)]
    .map(([, family, code, scope, verb, count]) => `${family}/${code ?? ''} ${verb} ${scope} ${count}`)
    .toSorted();
}

describe('calls from within the process', () => {
  it('are counted as those over HTTP are, by what came of them', async () => {
    await using api = await startTestApiServer();
    const probe = new ApiProbe(api.transport);

    await probe.create(MAPS, { metadata: { name: 'a' } });
    await expect(probe.create(MAPS, { metadata: { name: 'a' } })).rejects.toThrow('already exists');
    await probe.apply(`${MAPS}/b`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b' } }, { fieldManager: 'me' });
    await probe.get(MAPS);
    await probe.get(MAPS);
    await expect(probe.get(`${MAPS}/none`)).rejects.toThrow('not found');

    expect(counted(api)).toEqual([
      'request_total/200 LIST namespace 2',
      'request_total/201 APPLY resource 1',
      'request_total/201 POST namespace 1',
      'request_total/404 GET resource 1',
      'request_total/409 POST namespace 1',
    ]);
    expect(api.server.requests.text()).toMatch(
      /request_duration_seconds_count\{.*resource="configmaps",scope="namespace",.*verb="LIST".*\} 2/,
    );
  });

  it('counts watches while they last, and not how long', async () => {
    await using api = await startTestApiServer();
    const probe = new ApiProbe(api.transport);

    const watch = await probe.watch(MAPS);
    const during = counted(api);
    watch[Symbol.dispose]();

    expect(during).toEqual(['longrunning_requests/ WATCH namespace 1', 'request_total/200 WATCH namespace 1']);
    expect(counted(api)).toEqual(['request_total/200 WATCH namespace 1']);
    expect(api.server.requests.text()).not.toMatch(/request_duration_seconds_count\{.*resource="configmaps"/);
  });
});
