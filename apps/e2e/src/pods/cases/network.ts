import type { PodCase } from '../pod-case.ts';
import { after, forever, script } from './containers.ts';

const NEVER = { restartPolicy: 'Never' } as const;

/** These lines, in any order: runtimes differ. */
function all(...lines: readonly string[]): RegExp {
  return new RegExp(`^${lines.map((line) => `(?=[^]*^${line}$)`).join('')}`, 'm');
}

/** Names, addresses, name servers. */
export const NETWORK: readonly PodCase[] = [
  {
    title: 'is called as its pod',
    sim: {},
    spec: { containers: [forever()] },
    want: { phase: 'Running', exec: [{ command: ['hostname'], prints: 'pod' }] },
  },
  {
    title: 'is called as its pod says',
    sim: {},
    spec: { hostname: 'shop', subdomain: 'web', containers: [forever()] },
    want: { phase: 'Running', exec: [{ command: ['hostname'], prints: 'shop' }] },
  },
  {
    title: 'is called by its full name where it wants to',
    sim: {},
    spec: { hostname: 'shop', subdomain: 'web', setHostnameAsFQDN: true, containers: [forever()] },
    want: { phase: 'Running', exec: [{ command: ['hostname'], prints: /^shop\.web\.case-\d+\.svc\.cluster\.local$/ }] },
  },
  {
    title: 'has a table of hosts of its own, with its aliases',
    spec: {
      ...NEVER,
      hostname: 'shop',
      hostAliases: [{ ip: '10.1.2.3', hostnames: ['db', 'db.local'] }],
      containers: [script('cat /etc/hosts')],
    },
    want: {
      phase: 'Succeeded',
      logs: {
        web: /^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n[^]*\n[\d.]+\tshop\n\n# Entries added by HostAliases\.\n10\.1\.2\.3\tdb\tdb\.local$/,
      },
    },
  },
  {
    title: 'has its full name in the table of hosts where it has a subdomain',
    needs: ['network'],
    spec: { ...NEVER, hostname: 'shop', subdomain: 'web', containers: [script('tail -1 /etc/hosts')] },
    want: { phase: 'Succeeded', logs: { web: /^[\d.]+\s+shop\.web\.case-\d+\.svc\.cluster\.local\s+shop$/ } },
  },
  {
    title: 'keeps a table of hosts that a container mounts itself',
    configMaps: { c: { hosts: '127.0.0.1 mine\n' } },
    spec: {
      ...NEVER,
      volumes: [{ name: 'v', configMap: { name: 'c' } }],
      containers: [script('cat /etc/hosts', { volumeMounts: [{ name: 'v', mountPath: '/etc/hosts', subPath: 'hosts' }] })],
    },
    want: { phase: 'Succeeded', logs: { web: '127.0.0.1 mine' } },
  },
  {
    title: 'asks the name server of the cluster',
    spec: { ...NEVER, containers: [script('cat /etc/resolv.conf')] },
    want: {
      phase: 'Succeeded',
      logs: {
        web: all(
          'nameserver 10\\.96\\.0\\.10',
          'search case-\\d+\\.svc\\.cluster\\.local svc\\.cluster\\.local cluster\\.local.*',
          'options ndots:5',
        ),
      },
    },
  },
  {
    title: 'asks the name servers that it names, and no other',
    spec: {
      ...NEVER,
      dnsPolicy: 'None',
      dnsConfig: {
        nameservers: ['10.9.8.7'],
        searches: ['shop.example'],
        options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
      },
      containers: [script('cat /etc/resolv.conf')],
    },
    want: {
      phase: 'Succeeded',
      logs: { web: all('nameserver 10\\.9\\.8\\.7', 'search shop\\.example', 'options ndots:2 edns0') },
    },
  },
  {
    title: 'adds to what the cluster says of name servers',
    spec: {
      ...NEVER,
      dnsConfig: { searches: ['shop.example'], options: [{ name: 'ndots', value: '3' }] },
      containers: [script('cat /etc/resolv.conf')],
    },
    want: { phase: 'Succeeded', logs: { web: all('search .*cluster\\.local( \\S+)* shop\\.example', 'options ndots:3') } },
  },
  {
    title: 'asks the name servers of the node with the policy Default',
    spec: { ...NEVER, dnsPolicy: 'Default', containers: [script('grep -c 10.96.0.10 /etc/resolv.conf')] },
    want: { phase: 'Failed', logs: { web: '0' } },
  },
  {
    title: 'reaches its own address',
    needs: ['network'],
    spec: {
      ...NEVER,
      containers: [
        script('echo me > /tmp/index.html; httpd -p 8080 -h /tmp; wget -qO- http://$IP:8080/', {
          env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
        }),
      ],
    },
    want: { phase: 'Succeeded', logs: { web: 'me' } },
  },
  {
    title: 'keeps its address when its container is restarted',
    needs: ['network'],
    spec: {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        script('hostname -i | cut -d" " -f1 >> /v/addresses; [ $(wc -l < /v/addresses) -lt 2 ] && exit 1; sleep 3600', {
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
        }),
      ],
    },
    want: {
      phase: 'Running',
      containers: { web: { restartCount: 1 } },
      exec: [{ command: ['sh', '-c', 'sort -u /v/addresses | wc -l'], prints: '1' }],
    },
  },
  {
    title: 'is reached on a port of the host',
    needs: ['network'],
    spec: {
      containers: [
        after('echo here > /tmp/index.html; httpd -p 8080 -h /tmp', { ports: [{ containerPort: 8080, hostPort: 30_987 }] }),
      ],
    },
    want: { phase: 'Running' },
    then: [{ title: 'ask', act: () => answerOf('http://127.0.0.1:30987/'), want: { phase: 'Running' } }],
  },
];

async function answerOf(url: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok && (await answer.text()) === 'here\n') return;
    if (attempt === 600) throw new Error(`${url} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
