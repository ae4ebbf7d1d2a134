import { expect } from 'vitest';
import type { PodCase } from '../pod-case.ts';
import { forever, script } from './containers.ts';

const once = script;
const NEVER = { restartPolicy: 'Never' } as const;

/** Who a container runs as, and what it may. */
export const SECURITY: readonly PodCase[] = [
  {
    title: 'runs as the user and group of the pod, and of the container above it',
    needs: ['security'],
    spec: {
      ...NEVER,
      securityContext: { runAsUser: 1000, runAsGroup: 3000 },
      containers: [
        once('id -u; id -g', { name: 'a' }),
        once('id -u; id -g', { name: 'b', securityContext: { runAsUser: 1001 } }),
      ],
    },
    want: { phase: 'Succeeded', logs: { a: '1000\n3000', b: '1001\n3000' } },
  },
  {
    title: 'adds the groups of the pod',
    needs: ['security'],
    spec: {
      ...NEVER,
      securityContext: { runAsUser: 1000, runAsGroup: 3000, supplementalGroups: [4000, 5000] },
      containers: [once('id -G')],
    },
    want: { phase: 'Succeeded', logs: { web: /^3000 .*4000.*5000/ } },
  },
  {
    title: 'refuses to run an image as root that must not',
    spec: { securityContext: { runAsNonRoot: true }, containers: [forever()] },
    want: {
      phase: 'Pending',
      containers: {
        web: {
          state: {
            waiting: {
              reason: 'CreateContainerConfigError',
              message: expect.stringMatching(
                /^container has runAsNonRoot and image will run as root \(pod: "pod_case-\d+\([\w-]+\)", container: web\)$/,
              ),
            },
          },
        },
      },
    },
  },
  {
    title: 'runs as a user that is not root where root is refused',
    needs: ['security'],
    spec: { ...NEVER, securityContext: { runAsNonRoot: true, runAsUser: 1000 }, containers: [once('id -u')] },
    want: { phase: 'Succeeded', logs: { web: '1000' } },
  },
  {
    title: 'keeps a root file system from being written',
    needs: ['security'],
    spec: {
      ...NEVER,
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        once('touch /file || echo refused; touch /v/file && echo allowed', {
          securityContext: { readOnlyRootFilesystem: true },
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
      ],
    },
    want: { phase: 'Succeeded', logs: { web: /refused\nallowed/ } },
  },
  {
    title: 'takes all capabilities away, and gives one back',
    needs: ['security'],
    spec: {
      ...NEVER,
      containers: [
        once('grep CapEff /proc/self/status | cut -f2', {
          securityContext: { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
        }),
      ],
    },
    want: { phase: 'Succeeded', logs: { web: '0000000000000400' } },
  },
  {
    title: 'takes single capabilities away',
    needs: ['security'],
    spec: {
      ...NEVER,
      containers: [once('chown 1 /tmp || echo refused', { securityContext: { capabilities: { drop: ['CHOWN'] } } })],
    },
    want: { phase: 'Succeeded', logs: { web: /refused/ } },
  },
  {
    title: 'gives no new privileges',
    needs: ['security'],
    spec: {
      ...NEVER,
      containers: [once('grep NoNewPrivs /proc/self/status | cut -f2', { securityContext: { allowPrivilegeEscalation: false } })],
    },
    want: { phase: 'Succeeded', logs: { web: '1' } },
  },
  {
    title: 'leaves new privileges where nobody forbids them',
    needs: ['security'],
    spec: { ...NEVER, containers: [once('grep NoNewPrivs /proc/self/status | cut -f2')] },
    want: { phase: 'Succeeded', logs: { web: '0' } },
  },
  {
    title: 'filters system calls as the runtime does by default',
    needs: ['security'],
    spec: {
      ...NEVER,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [once('grep Seccomp: /proc/self/status | cut -f2')],
    },
    want: { phase: 'Succeeded', logs: { web: '2' } },
  },
  {
    title: 'filters no system calls without a profile',
    needs: ['security'],
    spec: { ...NEVER, containers: [once('grep Seccomp: /proc/self/status | cut -f2')] },
    want: { phase: 'Succeeded', logs: { web: '0' } },
  },
  {
    title: 'starts a privileged container',
    needs: ['security'],
    spec: {
      ...NEVER,
      containers: [once('grep NoNewPrivs /proc/self/status | cut -f2', { securityContext: { privileged: true } })],
    },
    want: { phase: 'Succeeded', logs: { web: '0' } },
  },
  {
    title: 'shares the processes of a pod between its containers',
    needs: ['namespaces'],
    spec: {
      shareProcessNamespace: true,
      containers: [script('sleep 5432', { name: 'a' }), forever('b')],
    },
    want: { phase: 'Running', exec: [{ container: 'b', command: ['ps'], prints: /sleep 5432/ }] },
  },
  {
    title: 'keeps the processes of a container to itself otherwise',
    needs: ['namespaces'],
    spec: { containers: [script('sleep 5433', { name: 'a' }), forever('b')] },
    want: {
      phase: 'Running',
      exec: [{ container: 'b', command: ['sh', '-c', 'ps | grep -v grep | grep -c "sleep 5433"'], prints: '0', exitCode: 1 }],
    },
  },
  {
    title: 'sees the processes of the host where it may',
    needs: ['namespaces'],
    spec: { ...NEVER, hostPID: true, containers: [once('[ $$$$ -gt 10 ] && echo many')] },
    want: { phase: 'Succeeded', logs: { web: 'many' } },
  },
  {
    title: 'uses the network of the host, with its name and address',
    needs: ['namespaces'],
    spec: { hostNetwork: true, containers: [forever()] },
    want: { phase: 'Running', status: { podIP: '127.0.0.1', hostIP: '127.0.0.1' } },
  },
  {
    title: 'refuses a setting of the kernel that is not known to be safe',
    sim: {},
    spec: { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] }, containers: [forever()] },
    want: { phase: 'Failed', reason: 'SysctlForbidden', message: 'forbidden sysctl: "kernel.msgmax" not allowlisted' },
  },
  {
    title: 'runs as root where it is told to',
    needs: ['security'],
    spec: { ...NEVER, containers: [once('id -u', { securityContext: { runAsUser: 0, runAsGroup: 0 } })] },
    want: { phase: 'Succeeded', logs: { web: '0' } },
  },
  {
    title: 'sets a safe setting of the kernel for a pod',
    needs: ['namespaces'],
    spec: {
      ...NEVER,
      securityContext: { sysctls: [{ name: 'net.ipv4.ip_local_port_range', value: '30000 40000' }] },
      containers: [once('cat /proc/sys/net/ipv4/ip_local_port_range')],
    },
    want: { phase: 'Succeeded', logs: { web: /^30000\s+40000$/ } },
  },
];
