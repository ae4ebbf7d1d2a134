import type { CaseTable } from '../testing/shell-case.ts';

const BOX = { run: 'kubectl apply -f box.yaml && kubectl wait --for=condition=Ready pod/box --timeout=180s' } as const;
const WEB = { run: 'kubectl apply -f app.yaml && kubectl rollout status deployment/app --timeout=180s' } as const;

/** Runs a line on a terminal, with the standard input typed into it. */
const onTerminal = (line: string): string => `script -qec ${JSON.stringify(line)} /dev/null`;

/** Forwards a free port, does `then` with it as `$port`, and ends. */
const forwarded = (what: string, then: string): string =>
  `exec 3< <(exec kubectl port-forward ${what}); read -r line <&3; port=\${line#*127.0.0.1:}; port=\${port%% *}; ${then}; code=$?; kill $!; exit $code`;

/** Commands that talk to what runs in containers, and so need real ones. */
export const STREAMING: CaseTable = {
  exec: [
    {
      title: 'output, errors, exit codes and input',
      steps: [
        BOX,
        {
          run: `kubectl exec box -c main -- sh -c 'echo out; echo err >&2; exit 7'`,
          code: 7,
          prints: /^out\n$/,
          complains: 'err\n',
        },
        { run: 'head -c 3000000 /dev/zero | kubectl exec -i box -- wc -c', prints: /^3000000\n$/ },
        { run: 'kubectl exec box -c side -- hostname', prints: /^box\n$/ },
        { run: 'head -c 3000000 /dev/urandom > big && kubectl exec -i box -- cat < big | cmp - big' },
        {
          run: 'kubectl exec box -c main -- nothing-of-the-kind',
          code: 126,
          prints: /exec: "nothing-of-the-kind": executable file not found/,
        },
        {
          run: 'kubectl exec box -c nothing -- true',
          code: 1,
          complains: /container (name )?("?)nothing\2 is not valid for pod "?box/,
        },
        { run: 'kubectl exec nothing -- true', code: 1, complains: 'pods "nothing" not found' },
      ],
    },
    {
      title: 'a shell on a terminal',
      steps: [
        BOX,
        {
          run: `printf 'echo $((40 + 2)) $(tty)\\nexit 3\\n' | ${onTerminal('kubectl exec -it box -c main -- sh')}`,
          code: 3,
          prints: '42 /dev/pts/',
        },
      ],
    },
    {
      title: 'in a pod of a deployment and of a service',
      steps: [
        WEB,
        { run: "kubectl exec deployment/app -- sh -c 'echo $GREETING'", prints: 'hello' },
        { run: 'kubectl exec service/app -- cat /usr/share/nginx/html/index.html', prints: 'Welcome to nginx!' },
      ],
    },
  ],
  attach: [
    {
      title: 'to a program that reads',
      steps: [
        {
          run: `echo world | kubectl run greeter --image=keelson/busybox:1 --restart=Never -i --rm -- sh -c 'read name; echo "hello $name"'`,
          prints: ['hello world', 'pod "greeter" deleted'],
        },
        { run: `echo | kubectl run failing --image=keelson/busybox:1 --restart=Never -i -- sh -c 'read x; exit 5'`, code: 5 },
        {
          run: `kubectl run cat --image=keelson/busybox:1 --restart=Never --overrides='{"spec":{"containers":[{"name":"cat","image":"keelson/busybox:1","command":["cat"],"stdin":true,"stdinOnce":true}]}}'`,
        },
        { run: 'kubectl wait --for=condition=Ready pod/cat --timeout=180s' },
        { run: 'seq 3 | kubectl attach -i cat', prints: '1\n2\n3\n' },
        { run: `kubectl get pod cat -o jsonpath='{.status.phase}'`, prints: 'Succeeded', eventually: true },
      ],
    },
    {
      title: 'to a shell on a terminal',
      steps: [
        {
          run: `printf 'echo $((40 + 2))\\nexit\\n' | ${onTerminal('kubectl run shell --image=keelson/busybox:1 --restart=Never -it --rm -- sh')}`,
          prints: ['42', 'deleted'],
        },
      ],
    },
  ],
  cp: [
    {
      title: 'files and directories, there and back',
      steps: [
        BOX,
        {
          run: 'kubectl cp kustomize box:/tmp/there -c main && kubectl exec box -c main -- ls /tmp/there',
          prints: 'kustomization.yaml',
        },
        { run: 'kubectl cp box:/tmp/there back -c main && diff -r kustomize back' },
        {
          run: 'head -c 5000000 /dev/urandom > big && kubectl cp big box:/tmp/big -c side && kubectl cp box:/tmp/big big2 -c side && cmp big big2',
        },
      ],
    },
  ],
  'port-forward': [
    {
      title: 'to a pod, a deployment and a service, many connections at once',
      steps: [
        WEB,
        {
          run: forwarded('deployment/app :80', 'curl -sS "http://127.0.0.1:$port/"'),
          prints: 'Welcome to nginx!',
          eventually: true,
        },
        {
          run: forwarded('service/app :http', 'seq 24 | xargs -P 8 -I{} curl -sS "http://127.0.0.1:$port/" | sort | uniq -c'),
          prints: /24 Welcome to nginx!/,
          eventually: true,
        },
        { run: forwarded('$(kubectl get pods -o name | head -1) :81', 'curl -sS "http://127.0.0.1:$port/"'), code: 52 },
      ],
    },
  ],
  logs: [
    {
      title: 'of real containers: now, followed, of the one before',
      steps: [
        BOX,
        { run: 'kubectl logs box -c main', prints: /^(hello\nwarned|warned\nhello)\n$/, eventually: true },
        {
          run: `kubectl run counter --image=keelson/busybox:1 --restart=Never -- sh -c 'for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done' && kubectl wait --for=condition=PodScheduled pod/counter`,
        },
        { run: 'kubectl logs -f counter', prints: /^line 1\nline 2\nline 3\nline 4\nline 5\n$/, eventually: true },
        { run: 'kubectl logs counter --since=10m --tail=2', prints: /^line 4\nline 5\n$/ },
        { run: `kubectl run again --image=keelson/busybox:1 -- sh -c 'echo ran; exit 1'` },
        { run: 'kubectl logs again --previous', prints: /^ran\n$/, eventually: true },
      ],
    },
  ],
  proxy: [
    {
      title: 'to pods and services, through the API server',
      steps: [
        WEB,
        {
          run: 'kubectl get --raw "/api/v1/namespaces/$NS/services/app:http/proxy/"',
          prints: 'Welcome to nginx!',
          eventually: true,
        },
        {
          run: 'kubectl get --raw "/api/v1/namespaces/$NS/pods/$(kubectl get pods -o name | head -1 | cut -d/ -f2):80/proxy/index.html"',
          prints: 'Welcome to nginx!',
        },
      ],
    },
  ],
  debug: [
    {
      title: 'a running pod, by a container that is added to it',
      only: '1.35',
      steps: [
        BOX,
        {
          run: `printf 'echo $((40 + 2)); hostname; ps\\nexit\\n' | ${onTerminal('kubectl debug -it box --image=keelson/busybox:1 --target=main --profile=general -- sh')}`,
          prints: ['42', 'box', 'sleep 1000'],
        },
        {
          run: `kubectl get pod box -o jsonpath='{.status.ephemeralContainerStatuses[0].state.terminated.exitCode}'`,
          prints: '0',
          eventually: true,
        },
        { run: `kubectl debug box --image=keelson/busybox:1 --container=second --profile=general -- sleep 1000` },
        { run: 'kubectl exec box -c second -- hostname', prints: 'box', eventually: true },
        { run: 'kubectl describe pod box', prints: /Ephemeral Containers:\n +debugger-\w+:[^]* second:/ },
      ],
    },
    {
      title: 'a copy of a pod',
      steps: [
        BOX,
        {
          run: 'kubectl debug box --image=keelson/busybox:1 --copy-to=twin --share-processes -- sleep 1000 && kubectl wait --for=condition=Ready pod/twin --timeout=180s',
          prints: 'condition met',
        },
        {
          run: `kubectl get pod twin -o jsonpath='{.spec.shareProcessNamespace} {.spec.containers[*].name}'`,
          prints: /^true main side debugger-\w+$/,
        },
        { run: 'kubectl exec twin -c main -- ps', prints: /sleep 100000[^]*sleep 1000/, eventually: true },
      ],
    },
    {
      title: 'a node',
      only: '1.35',
      steps: [
        {
          run: 'kubectl debug node/node-1 --image=keelson/busybox:1 --profile=general -- sleep 1000',
          prints: /Creating debugging pod/,
        },
        { run: 'kubectl wait --for=condition=Ready pods --all --timeout=180s', prints: 'condition met' },
        { run: 'kubectl exec "$(kubectl get pods -o name)" -- cat /host/etc/hostname', prints: /\w/ },
      ],
    },
  ],
};
