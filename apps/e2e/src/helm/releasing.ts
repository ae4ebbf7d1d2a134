import type { CaseTable, ShellCase } from '../testing/shell-case.ts';

const CHART = { run: './create-chart' } as const;

/** The life of a release, whichever way its objects are applied. */
const lifeBy = (way: string, flag: string): ShellCase => ({
  title: `applied by the ${way}: installs, upgrades, rolls back, tests and uninstalls the chart that it creates`,
  steps: [
    CHART,
    { run: `helm install demo demo ${flag} --wait --timeout 180s`, prints: ['STATUS: deployed', 'REVISION: 1'] },
    { run: 'kubectl get deployment demo', prints: /demo +1\/1 +1 +1/ },
    {
      run: `helm upgrade demo demo ${flag} --set replicaCount=3 --wait --timeout 180s`,
      prints: ['has been upgraded', 'REVISION: 2'],
    },
    { run: `kubectl get deployment demo -o jsonpath='{.status.readyReplicas}'`, prints: '3' },
    { run: `helm rollback demo 1 ${flag} --wait --timeout 180s`, prints: 'Rollback was a success' },
    { run: `kubectl get deployment demo -o jsonpath='{.spec.replicas}'`, prints: /^1$/ },
    { run: 'helm test demo --logs --timeout 180s', prints: [/TEST SUITE: +demo-test-connection/, /Phase: +Succeeded/] },
    { run: 'helm history demo', prints: [/1\s.*superseded/, /2\s.*superseded/, /3\s.*deployed .*Rollback to 1/] },
    { run: 'helm uninstall demo --wait --timeout 180s', prints: 'release "demo" uninstalled' },
    {
      run: 'kubectl get all -l app.kubernetes.io/instance=demo -o name | grep -v pod/demo-test-connection',
      code: 1,
      prints: /^$/,
      eventually: true,
    },
    { run: 'helm list --short', prints: /^$/ },
  ],
});

/** Helm, on any cluster. */
export const RELEASING: CaseTable = {
  release: [
    lifeBy('server', ''),
    lifeBy('client', '--server-side=false'),
    {
      title: 'fails in time if the chart does not get ready, and goes back to what was',
      steps: [
        CHART,
        { run: 'helm install demo demo --wait --timeout 180s' },
        {
          run: String.raw`helm upgrade demo demo --set 'podAnnotations.sim\.keelson\.dev/demo\.start-error=broken' --rollback-on-failure --timeout 10s`,
          code: 1,
          complains: /UPGRADE FAILED: release demo failed, and has been rolled back/,
        },
        { run: 'helm history demo', prints: [/2\s.*failed/, /3\s.*deployed .*Rollback to 1/] },
        { run: 'kubectl rollout status deployment/demo --timeout=180s', prints: 'successfully rolled out' },
      ],
    },
    {
      title: 'installs what is not there into a new namespace, and upgrades what is',
      steps: [
        CHART,
        {
          run: 'helm upgrade --install demo demo -n $NS-new --create-namespace',
          prints: 'Installing it now',
        },
        { run: 'helm upgrade --install demo demo -n $NS-new --wait', prints: 'has been upgraded' },
        { run: 'helm list --all-namespaces --filter demo', prints: /demo\s+\S+-new\s+2\s.*deployed/ },
        {
          run: 'helm install demo demo -n $NS-new',
          code: 1,
          complains: 'cannot reuse a name that is still in use',
        },
        { run: 'kubectl delete namespace $NS-new --wait=false' },
      ],
    },
  ],
  'release with a kind of its own': [
    {
      title: 'defines it first, and leaves it when the rest is gone',
      steps: [
        CHART,
        {
          run: 'sed -i "s/GROUP/$NS.example.org/" boats.yaml boat.yaml && mkdir demo/crds && mv boats.yaml demo/crds && mv boat.yaml demo/templates',
        },
        { run: 'helm install demo demo --wait --timeout 180s', prints: 'STATUS: deployed' },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.crew}'`, prints: '3' },
        {
          run: 'sed -i "s/sails: 2/sails: 3/" demo/templates/boat.yaml && helm upgrade demo demo --wait --timeout 180s',
          prints: 'REVISION: 2',
        },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.sails}'`, prints: '3' },
        { run: 'helm uninstall demo --wait && kubectl get boats -o name', prints: /^release "demo" uninstalled\n$/ },
        { run: 'kubectl delete crd boats.$NS.example.org --timeout=180s', prints: 'deleted' },
      ],
    },
  ],
  'dry run': [
    {
      title: 'asks the server, and stores nothing',
      steps: [
        CHART,
        { run: 'helm install demo demo --dry-run=server', prints: ['STATUS: pending-install', 'kind: Deployment'] },
        { run: 'helm list --short && kubectl get all -o name', prints: /^$/ },
      ],
    },
  ],
  get: [
    {
      title: 'values, manifest, notes, hooks, status',
      steps: [
        CHART,
        { run: 'helm install demo demo --set replicaCount=2' },
        { run: 'helm get values demo', prints: 'replicaCount: 2' },
        {
          run: 'helm get manifest demo | kubectl get -f - -o name',
          prints: ['serviceaccount/demo', 'service/demo', 'deployment.apps/demo'],
        },
        { run: 'helm get hooks demo', prints: 'demo-test-connection' },
        { run: 'helm get notes demo', prints: 'kubectl --namespace' },
        { run: 'helm status demo', prints: ['STATUS: deployed', /==> v1\/Deployment\nNAME +READY/] },
        { run: 'helm get metadata demo -o json', prints: '"status":"deployed"' },
      ],
    },
  ],
  template: [
    {
      title: 'what it prints, kubectl applies',
      steps: [
        CHART,
        {
          run: 'helm template demo demo --no-hooks | kubectl apply -f -',
          prints: ['service/demo created', 'deployment.apps/demo created'],
        },
        { run: 'helm template demo demo --no-hooks | kubectl apply -f -', prints: 'deployment.apps/demo unchanged' },
        { run: 'helm template demo demo --no-hooks | kubectl diff -f -', prints: /^$/, eventually: true },
        {
          run: 'helm lint demo && helm template demo demo --api-versions x/v1 --show-only templates/service.yaml',
          prints: 'kind: Service',
        },
      ],
    },
  ],
};

/** Helm with real containers. */
export const RELEASING_REAL: CaseTable = {
  'release, of real containers': [lifeBy('server', '')],
};
