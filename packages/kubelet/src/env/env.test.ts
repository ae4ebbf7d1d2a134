import { describe, expect, it } from 'vitest';
import type { ConfigMap, Container, Pod, Secret, Service } from '@keelson/api/core/v1';
import { containerEnv, type ConfigReader } from './container-env.ts';
import { expand } from './expand.ts';
import { fieldValue, resourceValue } from './field-ref.ts';
import { serviceEnv } from './service-env.ts';

const DOWNWARD = {
  nodeName: 'n1',
  hostIps: ['10.0.0.1'],
  podIps: ['10.1.0.1', 'fd00::1'],
  allocatable: { cpu: '3500m', memory: '8Gi' },
};

function service(namespace: string, name: string, clusterIP: string, ports = [{ port: 80 }]): Service {
  return { metadata: { namespace, name }, spec: { clusterIP, ports } };
}

describe('expand', () => {
  it.each([
    { text: 'x $(A) $(B)', want: 'x 1 $(B)' },
    { text: '$$(A)', want: '$(A)' },
    { text: '$$$(A)', want: '$1' },
    { text: '$A $( $(', want: '$A $( $(' },
    { text: '$()', want: '$()' },
    { text: 'a$', want: 'a$' },
  ])('makes "$want" of "$text"', ({ text, want }) => {
    expect(expand(text, (name) => (name === 'A' ? '1' : undefined))).toBe(want);
  });
});

describe('serviceEnv', () => {
  it('has the variables of a service, also in the form of container links', () => {
    const ports = [
      { name: 'web-ui', port: 80 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ];

    const env = serviceEnv([service('x', 'my-app', '10.0.0.5', ports as { port: number }[])], {
      namespace: 'x',
      enableServiceLinks: true,
    });

    expect(Object.fromEntries(env)).toEqual({
      MY_APP_SERVICE_HOST: '10.0.0.5',
      MY_APP_SERVICE_PORT: '80',
      MY_APP_SERVICE_PORT_WEB_UI: '80',
      MY_APP_SERVICE_PORT_DNS: '53',
      MY_APP_PORT: 'tcp://10.0.0.5:80',
      MY_APP_PORT_80_TCP: 'tcp://10.0.0.5:80',
      MY_APP_PORT_80_TCP_PROTO: 'tcp',
      MY_APP_PORT_80_TCP_PORT: '80',
      MY_APP_PORT_80_TCP_ADDR: '10.0.0.5',
      MY_APP_PORT_53_UDP: 'udp://10.0.0.5:53',
      MY_APP_PORT_53_UDP_PROTO: 'udp',
      MY_APP_PORT_53_UDP_PORT: '53',
      MY_APP_PORT_53_UDP_ADDR: '10.0.0.5',
    });
  });

  it('always has the API server, and others of the namespace only with service links', () => {
    const services = [
      service('default', 'kubernetes', '10.0.0.1'),
      service('x', 'a', '10.0.0.2'),
      service('y', 'b', '10.0.0.3'),
      service('x', 'h', 'None'),
    ];
    const hosts = (enableServiceLinks: boolean) =>
      [...serviceEnv(services, { namespace: 'x', enableServiceLinks }).keys()].filter((name) => name.endsWith('_SERVICE_HOST'));

    expect(hosts(true)).toEqual(['A_SERVICE_HOST', 'KUBERNETES_SERVICE_HOST']);
    expect(hosts(false)).toEqual(['KUBERNETES_SERVICE_HOST']);
  });
});

describe('services in the environment, as upstream has them', () => {
  const env = (services: readonly Service[], namespace = 'x', enableServiceLinks = true) =>
    Object.fromEntries(serviceEnv(services, { namespace, enableServiceLinks }));

  it.each(['', 'None', undefined])('leaves out services with cluster IP %s', (clusterIP) => {
    const spec = { ports: [{ port: 80 }], ...(clusterIP !== undefined && { clusterIP }) };

    expect(env([{ metadata: { namespace: 'x', name: 'a' }, spec }])).toEqual({});
  });

  it('names the API server even without service links, also in its own namespace', () => {
    const services = [service('default', 'kubernetes', '10.0.0.1'), service('default', 'a', '10.0.0.2')];

    expect(Object.keys(env(services, 'default', false)).filter((name) => !name.startsWith('KUBERNETES_'))).toEqual([]);
    expect(env(services, 'default', false)).toHaveProperty('KUBERNETES_PORT_80_TCP_ADDR', '10.0.0.1');
    expect(env(services, 'default')).toHaveProperty('A_SERVICE_HOST', '10.0.0.2');
  });

  it.each([false, true])('takes a service "kubernetes" of the namespace before the API server (listed first: %s)', (first) => {
    const [own, api] = [service('x', 'kubernetes', '10.0.0.9'), service('default', 'kubernetes', '10.0.0.1')];

    expect(env(first ? [own, api] : [api, own])).toHaveProperty('KUBERNETES_SERVICE_HOST', '10.0.0.9');
  });

  it('does not name the API server twice over for other services of its namespace', () => {
    expect(env([service('default', 'other', '10.0.0.2')])).toEqual({});
  });

  it('brackets addresses of IPv6 in URLs only', () => {
    expect(env([service('x', 'a', 'fd00::1')])).toMatchObject({
      A_SERVICE_HOST: 'fd00::1',
      A_PORT: 'tcp://[fd00::1]:80',
      A_PORT_80_TCP: 'tcp://[fd00::1]:80',
      A_PORT_80_TCP_ADDR: 'fd00::1',
    });
  });

  it('names the first port without its name, and all that have one by it', () => {
    const ports = [{ port: 80 }, { name: 'admin-ui', port: 8080 }, { name: 'sctp', port: 9, protocol: 'SCTP' }];

    const found = env([service('x', 'a-b', '10.0.0.1', ports)]);

    expect(Object.keys(found)).toEqual([
      'A_B_SERVICE_HOST',
      'A_B_SERVICE_PORT',
      'A_B_SERVICE_PORT_ADMIN_UI',
      'A_B_SERVICE_PORT_SCTP',
      'A_B_PORT',
      'A_B_PORT_80_TCP',
      'A_B_PORT_80_TCP_PROTO',
      'A_B_PORT_80_TCP_PORT',
      'A_B_PORT_80_TCP_ADDR',
      'A_B_PORT_8080_TCP',
      'A_B_PORT_8080_TCP_PROTO',
      'A_B_PORT_8080_TCP_PORT',
      'A_B_PORT_8080_TCP_ADDR',
      'A_B_PORT_9_SCTP',
      'A_B_PORT_9_SCTP_PROTO',
      'A_B_PORT_9_SCTP_PORT',
      'A_B_PORT_9_SCTP_ADDR',
    ]);
    expect(found['A_B_PORT_9_SCTP']).toBe('sctp://10.0.0.1:9');
  });
});

describe('downward API', () => {
  const container: Container = { name: 'c', resources: { limits: { memory: '1Gi' }, requests: { cpu: '250m' } } };
  const pod: Pod = {
    metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { b: '2', a: 'say "hi"\n' } },
    spec: { containers: [container], serviceAccountName: 'sa' },
  };

  it.each([
    { path: 'metadata.name', want: 'p' },
    { path: 'metadata.labels', want: 'a="say \\"hi\\"\\n"\nb="2"' },
    { path: "metadata.labels['b']", want: '2' },
    { path: "metadata.labels['none']", want: '' },
    { path: 'spec.serviceAccountName', want: 'sa' },
    { path: 'spec.nodeName', want: 'n1' },
    { path: 'status.podIPs', want: '10.1.0.1,fd00::1' },
    { path: 'status.hostIP', want: '10.0.0.1' },
  ])('reads $path', ({ path, want }) => {
    expect(fieldValue(pod, path, DOWNWARD)).toBe(want);
  });

  it.each([
    { resource: 'limits.cpu', want: '4' },
    { resource: 'limits.cpu', divisor: '1m', want: '3500' },
    { resource: 'requests.cpu', want: '1' },
    { resource: 'requests.cpu', divisor: '1m', want: '250' },
    { resource: 'limits.memory', divisor: '1Mi', want: '1024' },
    { resource: 'requests.memory', divisor: '1Gi', want: '1' },
  ])('gives $resource in units of $divisor, rounded up, as $want', ({ want, ...ref }) => {
    expect(resourceValue(pod, container, ref, DOWNWARD)).toBe(want);
  });
});

describe('containerEnv', () => {
  const config: ConfigReader = {
    configMap: async (_namespace, name): Promise<ConfigMap | undefined> =>
      name === 'c' ? { data: { K: 'from map', X: 'map' } } : undefined,
    secret: async (_namespace, name): Promise<Secret | undefined> =>
      name === 's' ? { data: { X: Buffer.from('secret').toString('base64') } } : undefined,
  };
  const env = async (container: Partial<Container>) => {
    const full = { name: 'a', ...container };
    const pod: Pod = { metadata: { name: 'p', namespace: 'x' }, spec: { containers: [full] } };
    const found = await containerEnv({
      pod,
      container: full,
      config,
      downward: DOWNWARD,
      services: [service('x', 'svc', '10.0.0.9')],
    });
    return Object.fromEntries(found.map(({ name, value }) => [name, value]));
  };

  it('lets env win over envFrom, and both over services', async () => {
    const found = await env({
      envFrom: [{ configMapRef: { name: 'c' } }, { secretRef: { name: 's' }, prefix: 'P_' }],
      env: [
        { name: 'K', value: 'own' },
        { name: 'SVC_SERVICE_HOST', value: 'mine' },
      ],
    });

    expect(found).toMatchObject({ K: 'own', X: 'map', P_X: 'secret', SVC_SERVICE_HOST: 'mine', SVC_SERVICE_PORT: '80' });
  });

  it('expands only what was defined before', async () => {
    const found = await env({
      env: [
        { name: 'A', value: '$(B) $(SVC_SERVICE_HOST)' },
        { name: 'B', value: 'b' },
        { name: 'C', value: '$(A)-$(B)-$$(B)' },
      ],
    });

    expect(found).toMatchObject({ A: '$(B) 10.0.0.9', C: '$(B) 10.0.0.9-b-$(B)' });
  });

  it('leaves out what is optional and missing, and refuses what is required', async () => {
    const ref = (name: string, key: string, optional?: boolean) => ({
      name: 'V',
      valueFrom: { configMapKeyRef: { name, key, optional } },
    });

    expect(
      await env({ env: [ref('none', 'k', true)], envFrom: [{ secretRef: { name: 'none', optional: true } }] }),
    ).not.toHaveProperty('V');
    await expect(env({ env: [ref('none', 'k')] })).rejects.toThrow('configmap "none" not found');
    await expect(env({ env: [ref('c', 'k')] })).rejects.toThrow("couldn't find key k in ConfigMap x/c");
  });
});
