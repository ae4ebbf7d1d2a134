import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DockerWorld } from './testing/docker-world.ts';
import { kubectlPath, Outside, withoutRoot } from './testing/lab.ts';
import { eventually, must } from './testing/run.ts';

const MANIFEST = join(import.meta.dirname, 'manifests/pets.yaml');
const PETS = 'pets.default.svc.cluster.local';
const title = 'names of services, and ways in from outside, on Docker';
const WELCOME = 'Welcome to nginx!\n';
/** Services still get one address unless they ask for two. */
const BOTH_FAMILIES = ['--cluster-cidr=10.244.0.0/16,fd00:10:244::/56', '--service-cidr=10.96.0.0/16,fd00:10:96::/112'];

describe.skipIf(withoutRoot !== undefined)(withoutRoot === undefined ? title : `${title} (${withoutRoot})`, () => {
  let world: DockerWorld;
  let outside: Outside;
  let kubectlFile: string;

  const kubectl = (...args: readonly string[]): Promise<string> =>
    world.machine.must(kubectlFile, ['--kubeconfig', world.keelson.kubeconfig, ...args], {
      env: { PATH: `${dirname(kubectlFile)}:${process.env['PATH']}` },
      timeoutMs: 300_000,
    });
  const inClient = (...command: readonly string[]): Promise<string> => kubectl('exec', 'client', '--', ...command);
  const addressOf = (pod: string): Promise<string> => kubectl('get', 'pod', pod, '-o', 'jsonpath={.status.podIP}');

  beforeAll(async () => {
    [world, kubectlFile] = await Promise.all([DockerWorld.up('ways-in', ['--ingress', ...BOTH_FAMILIES]), kubectlPath('1.35')]);
    outside = await Outside.up(world.machine);
    await eventually('the default service account', async () => (await kubectl('get', 'sa', 'default', '-o', 'name')) !== '');
    await kubectl('apply', '-f', MANIFEST);
    await kubectl('wait', '--for=condition=Ready', 'pod/client', '--timeout=180s');
    await kubectl('rollout', 'status', 'statefulset/pets', '--timeout=180s');
  });

  afterAll(async () => {
    await outside?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  it('resolves the API server, and pods of a headless service by their host names', async () => {
    const [first, second] = [await addressOf('pets-0'), await addressOf('pets-1')];

    expect(await inClient('nslookup', 'kubernetes.default.svc.cluster.local')).toContain('Address: 10.96.0.1\n');
    const all = await eventually('both pods', async () => {
      const output = await inClient('nslookup', PETS);
      return output.includes(first) && output.includes(second) && output;
    });
    expect(all).toContain('Server:\t\t10.96.0.10');
    expect(await inClient('nslookup', `pets-1.${PETS}`)).toContain(second);
    expect(await inClient('timeout', '60', 'wget', '-qO-', 'http://pets-0.pets:8080/')).toBe('pets-0\n');
  });

  it('tells containers of services by variables, in both forms', async () => {
    const variables = await inClient('env');

    expect(variables).toContain('KUBERNETES_SERVICE_HOST=10.96.0.1\n');
    expect(variables).toContain('KUBERNETES_PORT_443_TCP=tcp://10.96.0.1:443\n');
    expect(variables).not.toContain('PETS_');
  });

  it('knows their ports, and their names by their addresses', async () => {
    const reverse = (await addressOf('pets-0')).split('.').toReversed().join('.');

    const ports = await inClient('nslookup', '-type=srv', `_http._tcp.${PETS}`);
    expect(ports).toMatch(new RegExp(`0 50 8080 pets-0\\.${PETS}`));
    expect(ports).toMatch(new RegExp(`0 50 8080 pets-1\\.${PETS}`));
    expect(await inClient('nslookup', '-type=ptr', `${reverse}.in-addr.arpa`)).toContain(`pets-0.${PETS}`);
  });

  it('says over TCP too what there is and what there is not', async () => {
    // A question for the name server's own address, over TCP: two bytes of length, then the packet.
    const question = String.raw`\0\066\0\1\1\0\0\1\0\0\0\0\0\0\012kubernetes\7default\3svc\7cluster\5local\0\0\1\0\1`;
    const answer = await inClient('sh', '-c', `printf '${question}' | nc -w 30 10.96.0.10 53 | od -An -tu1 | tr -d '\\n'`);

    expect(answer).toMatch(/ 10 +96 +0 +1/);
    await expect(inClient('nslookup', 'nobody.default.svc.cluster.local')).rejects.toThrow('NXDOMAIN');
  });

  it('serves a service by both IP families, by name, cluster IP and node port', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'twofold' },
      spec: {
        type: 'NodePort',
        ipFamilyPolicy: 'RequireDualStack',
        selector: { app: 'pets' },
        ports: [{ port: 80, targetPort: 8080 }],
      },
    };
    const flags = ['--kubeconfig', world.keelson.kubeconfig, 'apply', '-f', '-'];
    await world.machine.must(kubectlFile, flags, { input: JSON.stringify(service) });
    const [ips = '', port = ''] = (
      await kubectl('get', 'service', 'twofold', '-o', 'jsonpath={.spec.clusterIPs[*]}#{.spec.ports[0].nodePort}')
    ).split('#');
    const [ipv4 = '', ipv6 = ''] = ips.split(' ');
    expect(ips).toMatch(/^10\.96\.\S+ fd00:10:96::\S+$/);
    expect(await kubectl('get', 'pod', 'pets-0', '-o', 'jsonpath={.status.podIPs[*].ip}')).toMatch(
      /^10\.244\.1\.\S+ fd00:10:244:1::\S+$/,
    );

    const page = (url: string): Promise<string> => inClient('timeout', '60', 'wget', '-qO-', url);
    for (const host of [ipv4, `[${ipv6}]`, 'twofold'])
      expect(await eventually(`a page of ${host}`, () => page(`http://${host}/`))).toMatch(/^pets-[01]\n$/);
    expect(await inClient('nslookup', '-type=aaaa', 'twofold.default.svc.cluster.local')).toContain(ipv6);
    const bridge = 'fd00:10:244:1::1';
    const atNodePort = () => world.machine.must('curl', ['-sS', '--max-time', '60', `http://[${bridge}]:${port}/`]);
    expect(await eventually('a page of the node port', atNodePort)).toMatch(/^pets-[01]\n$/);
  });

  it('lets in who has a way to cluster IPs, under the address of the node, so that answers go back the same way', async () => {
    const address = await kubectl('get', 'service', 'twofold', '-o', 'jsonpath={.spec.clusterIP}');
    await outside.must('ip', ['route', 'replace', address, 'via', outside.address]);

    const target = `http://${address}/from-outside`;
    const ask = () => outside.must('curl', ['-sS', '--max-time', '60', '-o', '/dev/null', '-w', '%{http_code}', target]);
    const code = await eventually('an answer', ask);
    const log = await eventually('the request', async () => {
      const lines = await kubectl('logs', '-l', 'app=pets', '--tail=-1');
      return /^.*from-outside.*$/m.exec(lines)?.[0];
    });

    expect(code).toBe('404');
    expect(log).toContain('10.244.1.1]');
  });

  it('keeps pods apart by NetworkPolicies, and lets the kubelet in all the same', async () => {
    const reach = async (): Promise<string> => {
      const asked = ['exec', 'client', '--', 'timeout', '2', 'wget', '-qO-', 'http://pets-0.pets:8080/'];
      const { stdout } = await world.machine.run(kubectlFile, ['--kubeconfig', world.keelson.kubeconfig, ...asked]);
      return stdout;
    };
    await eventually('a door', async () => (await reach()) === 'pets-0\n');
    await kubectl('apply', '-f', join(import.meta.dirname, 'manifests/pets-policy.yaml'));

    await eventually('a closed door', async () => (await reach()) === '');
    expect(await kubectl('get', 'pods', '-l', 'app=pets')).toMatch(/pets-0 +1\/1 +Running +0/);
    await kubectl('label', 'pod', 'client', 'feeds=pets');
    await eventually('an open door', async () => (await reach()) === 'pets-0\n');
    await kubectl('delete', 'networkpolicy', 'pets');
  });

  it('lets a client from outside in by an Ingress with TLS', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'shop-'));
    const [cert, key] = [join(directory, 'shop.crt'), join(directory, 'shop.key')];
    const names = ['-subj', '/CN=shop.example', '-addext', 'subjectAltName=DNS:shop.example'];
    await must('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
      ...names,
    ]);
    await kubectl('create', 'secret', 'tls', 'shop', `--cert=${cert}`, `--key=${key}`);
    await kubectl('create', 'deployment', 'shop', '--image=nginx:1.22', '--replicas=2');
    await kubectl('expose', 'deployment', 'shop', '--port=80');
    await kubectl(
      'create',
      'ingress',
      'shop',
      '--rule=shop.example/*=shop:80,tls=shop',
      '--annotation=ingress.keelson.dev/ssl-redirect=true',
    );
    await kubectl('rollout', 'status', 'deployment/shop', '--timeout=180s');
    const at = (scheme: 'http' | 'https', port: number): string[] => [
      '-sS',
      '--max-time',
      '60',
      '--cacert',
      cert,
      '--resolve',
      `shop.example:${port}:${outside.address}`,
      `${scheme}://shop.example/`,
    ];

    await eventually('the page', async () => (await outside.run('curl', at('https', 443))).stdout === WELCOME);
    expect(await outside.must('curl', ['-o', '/dev/null', '-w', '%{http_version} %{http_code}', ...at('https', 443)])).toBe(
      '2 200',
    );
    expect(await outside.must('curl', ['-o', '/dev/null', '-w', '%{http_code} %{redirect_url}', ...at('http', 80)])).toBe(
      '308 https://shop.example/',
    );
    const shown = await eventually('an address', async () => {
      const table = await kubectl('get', 'ingress', 'shop');
      return /shop +\S+ +shop\.example +\d/.test(table) && table;
    });
    expect(shown).toMatch(/shop +keelson +shop\.example +10\.[\d.]+ +80, 443/);
    await rm(directory, { recursive: true });
  });

  it('lets clients from outside in by the address of a Service of type LoadBalancer', async () => {
    await kubectl('expose', 'deployment', 'shop', '--name=open', '--type=LoadBalancer', '--port=8081', '--target-port=80');
    const address = await eventually(
      'an address',
      async () => (await kubectl('get', 'service', 'open', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}')) || undefined,
    );
    await outside.must('ip', ['route', 'replace', address, 'via', outside.address]);

    await eventually(
      'the page',
      async () => (await outside.run('curl', ['-sS', '--max-time', '60', `http://${address}:8081/`])).stdout === WELCOME,
    );
    await eventually('its event', async () => /EnsuredLoadBalancer/.test(await kubectl('describe', 'service', 'open')));
    await kubectl('delete', 'service', 'open');
  });
});
