import { facts } from '@keelson/api';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startTestApiServer } from '../testing.ts';
import { canEncode, decodeObject, encodeObject, encodeWatchEvent, PROTOBUF } from './index.ts';

const pod = {
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'a', labels: { app: 'web', __proto: 'x' }, creationTimestamp: '2026-01-02T03:04:05Z', generation: 3 },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'nginx',
        ports: [{ containerPort: 80 }],
        resources: { limits: { cpu: '500m' } },
        livenessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 5 },
        readinessProbe: { tcpSocket: { port: 8080 } },
      },
    ],
    volumes: [{ name: 'v', configMap: { name: 'settings', optional: false } }],
    terminationGracePeriodSeconds: 0,
    activeDeadlineSeconds: 9007199254740993n,
    hostNetwork: true,
  },
};

function roundTrip(object: object): unknown {
  return decodeObject(encodeObject(object as { kind: string; apiVersion: string }));
}

describe('protobuf', () => {
  it('gives back what was written: embedded messages, times, quantities, ports, pointers to zero, long integers', () => {
    expect(roundTrip(pod)).toEqual(pod);
  });

  it('writes what protobuf compilers read', () => {
    // k8s\0, then runtime.Unknown{1: TypeMeta{1: "v1", 2: "ConfigMap"}, 2: raw}; raw = ConfigMap{1: ObjectMeta{1: "a"}, 2: {"k": "v"}}.
    const bytes = encodeObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { k: 'v' } });

    expect(bytes.toString('hex')).toBe(
      '6b387300' +
        '0a0f' +
        '0a02' +
        '7631' +
        '1209' +
        '436f6e6669674d6170' +
        '120d' +
        '0a03' +
        '0a0161' +
        '1206' +
        '0a016b' +
        '120176' +
        '1a00' +
        '2200',
    );
  });

  it('reads repeated numbers that are packed', () => {
    // ConfigMap is no place for numbers: SecurityContext of a pod has supplementalGroups = 4.
    const security = Buffer.from([0x22, 0x02, 0x01, 0x02]);
    const spec = Buffer.concat([Buffer.from([0x72, security.length]), security]);
    const raw = Buffer.concat([Buffer.from([0x12, spec.length]), spec]);
    const type = Buffer.from([0x0a, 0x02, 0x76, 0x31, 0x12, 0x03, 0x50, 0x6f, 0x64]);
    const bytes = Buffer.concat([
      Buffer.from('k8s\0'),
      Buffer.from([0x0a, type.length]),
      type,
      Buffer.from([0x12, raw.length]),
      raw,
    ]);

    expect(decodeObject(bytes)).toMatchObject({ spec: { securityContext: { supplementalGroups: [1, 2] } } });
  });

  it('can write every kind that is served, empty and with metadata', () => {
    const kinds = facts().resources.map(({ group, version, kind }) => ({
      kind,
      apiVersion: group === '' ? version : `${group}/${version}`,
    }));
    for (const head of kinds) {
      expect(canEncode(head), `${head.apiVersion} ${head.kind}`).toBe(true);
      expect(roundTrip({ ...head, metadata: { name: 'x' } })).toMatchObject(head);
    }
  });

  it('puts the length before each event of a watch', () => {
    const frame = encodeWatchEvent({ type: 'ADDED', object: { kind: 'Pod', apiVersion: 'v1' } });

    expect(frame.readUInt32BE()).toBe(frame.length - 4);
    expect(frame.subarray(6, 11).toString()).toBe('ADDED');
  });

  it('refuses what is cut off, is no envelope, names no kind, or is nested without end, and never breaks', () => {
    const whole = encodeObject(pod);
    expect(() => decodeObject(Buffer.from('{}'))).toThrow(/does not appear to be a protobuf message/);
    expect(() => decodeObject(whole.subarray(0, whole.length - 20))).toThrow(/unable to decode protobuf/);
    expect(() => decodeObject(Buffer.from('k8s\0'))).toThrow(/no kind "" is registered/);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: whole.length - 1 }), (noise, at) => {
        const bytes = Buffer.concat([whole.subarray(0, at), noise, whole.subarray(at)]);
        try {
          expect(typeof decodeObject(bytes)).toBe('object');
        } catch (error) {
          expect(error).toMatchObject({ reason: 'BadRequest' });
        }
      }),
    );
  });

  it('keeps a key named __proto__ a key', () => {
    const object = { kind: 'ConfigMap', apiVersion: 'v1', data: JSON.parse('{"__proto__":"x"}') as Record<string, string> };
    const data = decodeObject(encodeObject(object))['data'] as object;

    expect(Object.keys(data)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype);
  });
});

describe('protobuf over HTTP', () => {
  const headers = { 'content-type': PROTOBUF, accept: `${PROTOBUF},application/json` };

  it('takes objects, and answers objects, lists, errors and watches', async () => {
    await using api = await startTestApiServer({ http: true });
    const url = `${api.url}/api/v1/namespaces/default/configmaps`;
    const body = encodeObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' }, data: { k: 'v' } });
    const read = async (response: Response): Promise<unknown> => decodeObject(new Uint8Array(await response.arrayBuffer()));

    const created = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
    expect(created.headers.get('content-type')).toBe(PROTOBUF);
    expect(await read(created)).toMatchObject({
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'default' },
      data: { k: 'v' },
    });
    expect(await read(await fetch(url, { headers }))).toMatchObject({ kind: 'ConfigMapList', items: [{ data: { k: 'v' } }] });
    const missing = await fetch(`${url}/b`, { headers });
    expect([missing.status, await read(missing)]).toMatchObject([404, { kind: 'Status', reason: 'NotFound' }]);

    const watch = await fetch(`${url}?watch=true`, { headers });
    expect(watch.headers.get('content-type')).toBe(`${PROTOBUF};stream=watch`);
    const reader = watch.body?.getReader();
    const { value = new Uint8Array() } = (await reader?.read()) ?? {};
    expect(Buffer.from(value).readUInt32BE()).toBe(value.length - 4);
    expect(Buffer.from(value).includes('ADDED')).toBe(true);
    await reader?.cancel();
  });
});
