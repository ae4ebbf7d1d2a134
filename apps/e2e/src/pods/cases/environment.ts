import { expect } from 'vitest';
import type { PodCase } from '../pod-case.ts';
import { forever, RUNNING, script } from './containers.ts';

const printed = (name: string, prints: string | RegExp) => ({ command: ['sh', '-c', `echo "$${name}"`], prints });
const value = (name: string, text: string) => ({ name, value: text });
const fieldRef = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const resourceRef = (name: string, resource: string, divisor?: string) => ({
  name,
  valueFrom: { resourceFieldRef: { resource, ...(divisor !== undefined && { divisor }) } },
});

/** Environment variables and where they come from. */
export const ENVIRONMENT: readonly PodCase[] = [
  {
    title: 'sets variables, and expands what comes before them',
    sim: {},
    spec: {
      containers: [
        forever('web', {
          env: [
            value('A', 'a'),
            value('B', '$(A)-b'),
            value('C', '$$(A)'),
            value('D', '$(NONE)'),
            value('E', '$(F)'),
            value('F', 'f'),
          ],
        }),
      ],
    },
    want: {
      phase: 'Running',
      exec: [printed('A', 'a'), printed('B', 'a-b'), printed('C', '$(A)'), printed('D', '$(NONE)'), printed('E', '$(F)')],
    },
  },
  {
    title: 'expands variables in the command and its arguments',
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'web', command: ['echo', '$(A)'], args: ['$$(A)', '$(NONE)'], env: [value('A', 'a b')] }],
    },
    want: { phase: 'Succeeded', logs: { web: 'a b $(A) $(NONE)' } },
  },
  {
    title: 'takes variables from a ConfigMap and a Secret, the later one winning',
    sim: {},
    configMaps: { c: { A: 'config', B: 'config' } },
    secrets: { s: { B: 'secret' } },
    spec: {
      containers: [
        forever('web', {
          envFrom: [{ configMapRef: { name: 'c' } }, { secretRef: { name: 's' } }, { prefix: 'P_', configMapRef: { name: 'c' } }],
          env: [value('A', 'own')],
        }),
      ],
    },
    want: { phase: 'Running', exec: [printed('A', 'own'), printed('B', 'secret'), printed('P_A', 'config')] },
  },
  {
    title: 'takes single keys of a ConfigMap and a Secret',
    sim: {},
    configMaps: { c: { key: 'one' } },
    secrets: { s: { key: 'two' } },
    spec: {
      containers: [
        forever('web', {
          env: [
            { name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'key' } } },
            { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'key' } } },
            { name: 'C', valueFrom: { configMapKeyRef: { name: 'none', key: 'key', optional: true } } },
          ],
        }),
      ],
    },
    want: { phase: 'Running', exec: [printed('A', 'one'), printed('B', 'two'), printed('C', '')] },
  },
  {
    title: 'waits for a ConfigMap that variables come from',
    sim: {},
    spec: { containers: [forever('web', { envFrom: [{ configMapRef: { name: 'late' } }] })] },
    want: {
      phase: 'Pending',
      containers: {
        web: { state: { waiting: { reason: 'CreateContainerConfigError', message: 'configmap "late" not found' } } },
      },
      events: ['Failed: Error: configmap "late" not found'],
    },
    then: [
      {
        title: 'make it',
        act: (world) => world.createConfigMap('late', { A: 'at last' }),
        want: { phase: 'Running', exec: [printed('A', 'at last')] },
      },
    ],
  },
  {
    title: 'says which key of a Secret is missing',
    sim: {},
    secrets: { s: { key: 'x' } },
    spec: { containers: [forever('web', { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'other' } } }] })] },
    want: {
      containers: {
        web: {
          state: {
            waiting: {
              reason: 'CreateContainerConfigError',
              message: expect.stringMatching(/^couldn't find key other in Secret case-\d+\/s$/),
            },
          },
        },
      },
    },
  },
  {
    title: 'tells a container of its pod',
    sim: {},
    metadata: { labels: { app: 'shop' }, annotations: { note: 'two words' } },
    spec: {
      serviceAccountName: 'default',
      containers: [
        forever('web', {
          env: [
            fieldRef('NAME', 'metadata.name'),
            fieldRef('NAMESPACE', 'metadata.namespace'),
            fieldRef('UID', 'metadata.uid'),
            fieldRef('LABEL', "metadata.labels['app']"),
            fieldRef('NOTE', "metadata.annotations['note']"),
            fieldRef('NODE', 'spec.nodeName'),
            fieldRef('ACCOUNT', 'spec.serviceAccountName'),
            fieldRef('HOST', 'status.hostIP'),
            fieldRef('IP', 'status.podIP'),
          ],
        }),
      ],
    },
    want: {
      phase: 'Running',
      exec: [
        printed('NAME', 'pod'),
        printed('NAMESPACE', /^case-\d+$/),
        printed('UID', /^[\da-f-]{36}$/),
        printed('LABEL', 'shop'),
        printed('NOTE', 'two words'),
        printed('NODE', 'node-1'),
        printed('ACCOUNT', 'default'),
        printed('HOST', '127.0.0.1'),
        printed('IP', /^\d+\.\d+\.\d+\.\d+$/),
      ],
    },
  },
  {
    title: 'tells a container of its resources, and of those of the node where it has no limit',
    sim: {},
    spec: {
      containers: [
        forever('web', {
          resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { memory: '64Mi' } },
          env: [
            resourceRef('CPU', 'requests.cpu', '1m'),
            resourceRef('CPUS', 'requests.cpu'),
            resourceRef('MEMORY', 'limits.memory', '1Mi'),
            resourceRef('BYTES', 'requests.memory'),
            resourceRef('NODE_CPU', 'limits.cpu'),
          ],
        }),
      ],
    },
    want: {
      phase: 'Running',
      exec: [
        printed('CPU', '100'),
        printed('CPUS', '1'),
        printed('MEMORY', '64'),
        printed('BYTES', String(32 * 1024 * 1024)),
        printed('NODE_CPU', '64'),
      ],
    },
  },
  {
    title: 'tells a container of the services of its namespace',
    sim: {},
    services: [{ metadata: { name: 'shop-web' }, spec: { clusterIP: '10.96.7.7', ports: [{ name: 'http', port: 80 }] } }],
    spec: { containers: [forever()] },
    want: {
      phase: 'Running',
      exec: [
        printed('SHOP_WEB_SERVICE_HOST', '10.96.7.7'),
        printed('SHOP_WEB_SERVICE_PORT', '80'),
        printed('SHOP_WEB_SERVICE_PORT_HTTP', '80'),
        printed('SHOP_WEB_PORT', 'tcp://10.96.7.7:80'),
        printed('SHOP_WEB_PORT_80_TCP_ADDR', '10.96.7.7'),
      ],
    },
  },
  {
    title: 'does not tell of services to who does not want to know',
    sim: {},
    services: [{ metadata: { name: 'shop-api' }, spec: { clusterIP: '10.96.7.8', ports: [{ port: 80 }] } }],
    spec: { enableServiceLinks: false, containers: [forever()] },
    want: { phase: 'Running', exec: [printed('SHOP_API_SERVICE_HOST', '')] },
  },
  {
    title: 'takes a variable from a file that an init container has written',
    spec: {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [
        script(`echo "COLOUR='blue'" > /v/made.env`, { name: 'first', volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      ],
      containers: [
        script('echo $COLOUR', {
          env: [{ name: 'COLOUR', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'made.env', key: 'COLOUR' } } }],
        }),
      ],
    },
    want: { phase: 'Succeeded', logs: { web: 'blue' } },
  },
  {
    title: 'gives init containers their own variables',
    spec: {
      restartPolicy: 'Never',
      initContainers: [script('echo $A', { name: 'first', env: [value('A', 'init')] })],
      containers: [script('echo "$A."')],
    },
    want: { phase: 'Succeeded', logs: { first: 'init', web: '.' } },
  },
  {
    title: 'keeps empty values, line ends and equal signs of variables as they are',
    sim: {},
    spec: { containers: [forever('web', { env: [value('EMPTY', ''), value('LINES', 'a\nb'), value('EQUALS', 'x=y')] })] },
    want: {
      containers: { web: RUNNING },
      exec: [printed('EMPTY', ''), printed('LINES', 'a\nb'), printed('EQUALS', 'x=y')],
    },
  },
];
