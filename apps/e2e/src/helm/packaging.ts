import { join } from 'node:path';
import type { CaseTable } from '../testing/shell-case.ts';

const SAMPLE = join(import.meta.dirname, '../../../operator-sample/src/manifests.ts');
const pack = (...words: readonly string[]): string =>
  [process.execPath, '--conditions=keelson-source', SAMPLE, ...words].join(' ');

const CLEAN_UP = {
  run: 'kubectl delete --ignore-not-found --timeout=180s crd/websites.sample.keelson.dev clusterrole/operator-sample clusterrolebinding/operator-sample validatingwebhookconfiguration/operator-sample mutatingwebhookconfiguration/operator-sample',
} as const;

const OVERLAY = `namespace: $NS
resources: [../base]
replicas: [{ name: operator-sample, count: 2 }]
patches:
  - target: { kind: Deployment }
    patch: '[{ "op": "add", "path": "/spec/template/spec/securityContext/runAsUser", "value": 1000 }]'
`;

/** What an operator's program makes of itself. */
export const PACKAGING: CaseTable = {
  'an operator as a chart': [
    {
      title: 'is accepted, installed, upgraded, and leaves its definitions behind',
      steps: [
        { run: pack('helm', 'chart'), prints: 'chart/templates/operator.yaml' },
        { run: 'helm lint --strict chart', prints: '1 chart(s) linted, 0 chart(s) failed' },
        {
          run: 'helm install site chart --set podSecurityContext.runAsUser=1000 --wait --timeout 180s',
          prints: 'STATUS: deployed',
        },
        { run: 'kubectl get deployment operator-sample', prints: /operator-sample +1\/1 +1 +1/ },
        {
          run: 'kubectl auth can-i create deployments --as=system:serviceaccount:$NS:operator-sample',
          prints: 'yes',
        },
        {
          run: `kubectl get validatingwebhookconfiguration operator-sample -o jsonpath='{.webhooks[0].clientConfig.service.namespace}' | grep -x $NS`,
        },
        {
          run: `helm upgrade site chart --set podSecurityContext.runAsUser=1000 --set 'tolerations[0].key=a,tolerations[0].operator=Exists' --set replicas=2 --wait --timeout 180s`,
          prints: 'REVISION: 2',
        },
        { run: 'kubectl get deployment operator-sample', prints: /operator-sample +2\/2 +2 +2/ },
        { run: 'helm uninstall site --wait --timeout 180s', prints: 'These resources were kept' },
        { run: 'kubectl get crd websites.sample.keelson.dev -o name', prints: 'websites.sample.keelson.dev' },
        CLEAN_UP,
      ],
    },
    {
      title: 'is a base for kustomize as well',
      steps: [
        { run: pack('kustomize', 'base') },
        { run: `mkdir overlay && cat > overlay/kustomization.yaml <<END\n${OVERLAY}END` },
        { run: `kubectl kustomize overlay | grep -c "namespace: $NS"`, prints: /^6$/m },
        { run: 'kubectl apply --server-side -k overlay', prints: 'deployment.apps/operator-sample serverside-applied' },
        { run: 'kubectl rollout status deployment/operator-sample --timeout=180s', prints: 'successfully rolled out' },
        { run: 'kubectl get deployment operator-sample', prints: /operator-sample +2\/2 +2 +2/ },
        CLEAN_UP,
      ],
    },
  ],
};
