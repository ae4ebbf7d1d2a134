import type { Pod, PodSpec } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { defaulted } from '../test-support.ts';
import { defaultPullPolicy } from './pull-policy.ts';

function podOf(spec: object): Pod {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: spec as PodSpec };
}

function specOf(spec: object): unknown {
  return defaulted('', podOf(spec)).spec;
}

const CONTAINER = {
  imagePullPolicy: 'Always',
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};
const SPEC = {
  dnsPolicy: 'ClusterFirst',
  enableServiceLinks: true,
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
};

describe('defaults of a pod', () => {
  it('fills in what every pod has', () => {
    expect(specOf({ containers: [{ name: 'a', image: 'nginx' }] })).toEqual({
      ...SPEC,
      containers: [{ name: 'a', image: 'nginx', ...CONTAINER }],
    });
  });

  it('keeps what is given', () => {
    const given = {
      ...SPEC,
      restartPolicy: 'Never',
      dnsPolicy: 'Default',
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'a', image: 'nginx', ...CONTAINER, imagePullPolicy: 'Never' }],
    };

    expect(specOf(given)).toEqual(given);
  });

  it('changes nothing the second time', () => {
    const once = defaulted(
      '',
      podOf({
        hostNetwork: true,
        containers: [{ name: 'a', image: 'b', ports: [{ containerPort: 80 }] }],
        volumes: [{ name: 'v', secret: { secretName: 's' } }],
      }),
    );

    expect(defaulted('', once)).toEqual(once);
  });

  it.each([
    {
      title: 'both names of the service account',
      given: { serviceAccount: 'x' },
      want: { serviceAccount: 'x', serviceAccountName: 'x' },
    },
    {
      title: 'the newer name of the service account first',
      given: { serviceAccount: 'x', serviceAccountName: 'y' },
      want: { serviceAccount: 'y', serviceAccountName: 'y' },
    },
    { title: 'an empty folder', given: { volumes: [{ name: 'v' }] }, want: { volumes: [{ name: 'v', emptyDir: {} }] } },
    {
      title: 'modes of secrets',
      given: { volumes: [{ name: 'v', secret: {} }] },
      want: { volumes: [{ name: 'v', secret: { defaultMode: 420 } }] },
    },
    {
      title: 'modes of config maps',
      given: { volumes: [{ name: 'v', configMap: {} }] },
      want: { volumes: [{ name: 'v', configMap: { defaultMode: 420 } }] },
    },
    {
      title: 'types of host paths',
      given: { volumes: [{ name: 'v', hostPath: { path: '/x' } }] },
      want: { volumes: [{ name: 'v', hostPath: { path: '/x', type: '' } }] },
    },
    {
      title: 'projections',
      given: {
        volumes: [
          {
            name: 'v',
            projected: {
              sources: [
                { serviceAccountToken: { path: 't' } },
                { downwardAPI: { items: [{ path: 'p', fieldRef: { fieldPath: 'metadata.name' } }] } },
              ],
            },
          },
        ],
      },
      want: {
        volumes: [
          {
            name: 'v',
            projected: {
              defaultMode: 420,
              sources: [
                { serviceAccountToken: { path: 't', expirationSeconds: 3600 } },
                { downwardAPI: { items: [{ path: 'p', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }] } },
              ],
            },
          },
        ],
      },
    },
    {
      title: 'pull policies of image volumes',
      given: { volumes: [{ name: 'v', image: { reference: 'a:1' } }] },
      want: { volumes: [{ name: 'v', image: { reference: 'a:1', pullPolicy: 'IfNotPresent' } }] },
    },
  ])('sets $title', ({ given, want }) => {
    expect(specOf({ containers: [], ...given })).toMatchObject(want);
  });

  it.each([
    { title: 'protocols', given: { ports: [{ containerPort: 80 }] }, want: { ports: [{ containerPort: 80, protocol: 'TCP' }] } },
    {
      title: 'probes',
      given: { livenessProbe: { httpGet: { port: 80 } } },
      want: {
        livenessProbe: {
          httpGet: { path: '/', port: 80, scheme: 'HTTP' },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
      },
    },
    {
      title: 'the service that gRPC probes ask',
      given: { readinessProbe: { grpc: { port: 1 } } },
      want: { readinessProbe: { grpc: { port: 1, service: '' } } },
    },
    {
      title: 'hooks',
      given: { lifecycle: { preStop: { httpGet: { port: 1 } } } },
      want: { lifecycle: { preStop: { httpGet: { path: '/', scheme: 'HTTP', port: 1 } } } },
    },
    {
      title: 'requests from limits',
      given: { resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } } },
      want: { resources: { requests: { cpu: '500m', memory: '1Gi' } } },
    },
    {
      title: 'versions of field references',
      given: { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
      want: { env: [{ valueFrom: { fieldRef: { apiVersion: 'v1' } } }] },
    },
  ])('sets $title of a container', ({ given, want }) => {
    expect(specOf({ containers: [{ name: 'a', image: 'b', ...given }] })).toMatchObject({ containers: [want] });
  });

  it('opens ports of the host under the same numbers in its network', () => {
    expect(specOf({ hostNetwork: true, containers: [{ name: 'a', ports: [{ containerPort: 80 }] }] })).toMatchObject({
      containers: [{ ports: [{ containerPort: 80, hostPort: 80 }] }],
    });
  });

  it('leaves to the pod what a template does not say about requests and service links', () => {
    const template = {
      spec: {
        hostNetwork: true,
        containers: [{ name: 'a', image: 'b', ports: [{ containerPort: 1 }], resources: { limits: { cpu: '1' } } }],
      },
    };
    const deployment = { kind: 'Deployment', metadata: { name: 'a' }, spec: { template, selector: {} } };

    const spec = defaulted('apps', deployment).spec.template.spec;

    expect(spec).toMatchObject({
      restartPolicy: 'Always',
      containers: [{ ports: [{ containerPort: 1, protocol: 'TCP' }], resources: { limits: { cpu: '1' } } }],
    });
    expect(spec).not.toHaveProperty('enableServiceLinks');
    expect(spec.containers[0]?.resources).not.toHaveProperty('requests');
    expect(spec.containers[0]?.ports[0]).not.toHaveProperty('hostPort');
  });
});

it.each([
  ['nginx', 'Always'],
  ['nginx:latest', 'Always'],
  ['nginx:1.27', 'IfNotPresent'],
  ['localhost:5000/nginx', 'Always'],
  ['localhost:5000/nginx:1', 'IfNotPresent'],
  ['nginx@sha256:0123', 'IfNotPresent'],
  ['nginx:latest@sha256:0123', 'IfNotPresent'],
])('pulls %s %s', (image, want) => {
  expect(defaultPullPolicy(image)).toBe(want);
});
