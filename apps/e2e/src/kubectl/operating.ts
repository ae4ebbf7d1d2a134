import type { CaseTable } from '../testing/shell-case.ts';

const APP = { run: 'kubectl apply -f app.yaml && kubectl rollout status deployment/app --timeout=180s' } as const;
const ROLLED_OUT =
  'kubectl rollout status statefulset/ordered --timeout=180s && kubectl rollout status daemonset/everywhere --timeout=180s';
const IMAGES = `kubectl get pods -l 'app in (ordered,everywhere)' -o jsonpath='{.items[*].spec.containers[0].image}'`;
const IMAGE = `kubectl get deployment app -o jsonpath='{.spec.template.spec.containers[*].image}'`;

/** Commands that run a cluster. */
export const OPERATING: CaseTable = {
  rollout: [
    {
      title: 'status, history, undo',
      steps: [
        APP,
        { run: "kubectl annotate deployment app kubernetes.io/change-cause='the first'" },
        {
          run: 'kubectl set image deployment/app web=nginx:1.23 && kubectl rollout status deployment/app --timeout=180s',
          prints: 'successfully rolled out',
        },
        { run: 'kubectl rollout history deployment/app', prints: /REVISION +CHANGE-CAUSE\n1 +.*\n2 +the first\n/ },
        { run: 'kubectl rollout history deployment/app --revision=2', prints: /Image:\s+nginx:1.23/ },
        { run: 'kubectl rollout undo deployment/app', prints: 'rolled back' },
        { run: IMAGE, prints: /^nginx:1.22$/ },
        { run: 'kubectl rollout status deployment/app --timeout=180s' },
        {
          run: 'kubectl rollout undo deployment/app --to-revision=2 && kubectl rollout status deployment/app --timeout=180s',
          prints: 'rolled back',
        },
        { run: IMAGE, prints: /^nginx:1.23$/ },
        {
          run: 'kubectl rollout undo deployment/app --to-revision=77',
          code: 1,
          complains: 'unable to find specified revision 77',
        },
      ],
    },
    {
      title: 'pause, resume, restart',
      steps: [
        APP,
        { run: 'kubectl rollout pause deployment/app', prints: 'deployment.apps/app paused' },
        { run: 'kubectl set image deployment/app web=nginx:1.23 && kubectl scale deployment/app --replicas=1' },
        {
          run: `kubectl get pods -l app=app -o jsonpath='{.items[*].spec.containers[0].image}'`,
          prints: /^nginx:1.22$/,
          eventually: true,
        },
        {
          run: 'kubectl rollout resume deployment/app && kubectl rollout status deployment/app --timeout=180s',
          prints: ['resumed', 'successfully rolled out'],
        },
        {
          run: `kubectl get pods -l app=app -o jsonpath='{.items[*].spec.containers[0].image}'`,
          prints: /^nginx:1.23$/,
          eventually: true,
        },
        {
          run: 'kubectl rollout restart deployment/app && kubectl rollout status deployment/app --timeout=180s',
          prints: 'restarted',
        },
        {
          run: `kubectl get deployment app -o jsonpath='{.spec.template.metadata.annotations}'`,
          prints: 'kubectl.kubernetes.io/restartedAt',
        },
      ],
    },
    {
      title: 'of StatefulSets and DaemonSets',
      steps: [
        { run: 'kubectl apply -f sets.yaml', prints: ['statefulset.apps/ordered created', 'daemonset.apps/everywhere created'] },
        {
          run: ROLLED_OUT,
          prints: [/partitioned roll out complete: 2 new pods/, 'daemon set "everywhere" successfully rolled out'],
        },
        { run: 'kubectl get statefulset,daemonset', prints: [/ordered +2\/2/, /everywhere +3 +3 +3 +3 +3/] },
        {
          run: 'kubectl set image statefulset/ordered daemonset/everywhere main=nginx:1.23',
          prints: 'statefulset.apps/ordered image updated',
        },
        { run: ROLLED_OUT },
        { run: IMAGES, prints: /^(nginx:1.23 ?){5}$/ },
        {
          run: 'kubectl rollout history statefulset/ordered && kubectl rollout history daemonset/everywhere',
          prints: /2 +<none>\n[^]*2 +<none>\n/,
        },
        {
          run: 'kubectl rollout undo statefulset/ordered && kubectl rollout undo daemonset/everywhere',
          prints: /(rolled back\n.*){2}/,
        },
        { run: ROLLED_OUT },
        { run: IMAGES, prints: /^(nginx:1.22 ?){5}$/ },
        { run: 'kubectl scale statefulset ordered --replicas=1', prints: 'scaled' },
        { run: 'kubectl get pod ordered-1', code: 1, complains: 'NotFound', eventually: true },
        { run: 'kubectl rollout restart daemonset/everywhere', prints: 'restarted' },
        {
          run: 'kubectl describe statefulset ordered',
          prints: 'delete Pod ordered-1 in StatefulSet ordered successful',
          eventually: true,
        },
        { run: 'kubectl describe daemonset everywhere', prints: /Desired Number of Nodes Scheduled: 3/ },
        { run: 'kubectl delete -f sets.yaml' },
      ],
    },
  ],
  wait: [
    {
      title: 'for a Job to be complete',
      steps: [
        {
          run: 'kubectl create -f job.yaml && kubectl wait --for=condition=Complete job/work --timeout=180s',
          prints: 'job.batch/work condition met',
        },
        { run: 'kubectl get job work', prints: /work .*3\/3/ },
        { run: 'kubectl get pods -l job-name=work --field-selector=status.phase=Succeeded -o name | wc -l', prints: '3' },
        { run: 'kubectl describe job work', prints: [/3 Succeeded \/ 0 Failed/, 'Job completed'], eventually: true },
      ],
    },
    {
      title: 'for conditions and for deletion; gives up in time',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        {
          run: 'kubectl wait --for=condition=Available deployment/app --timeout=180s',
          prints: 'deployment.apps/app condition met',
        },
        { run: 'kubectl wait --for=condition=Ready pods -l app=app --timeout=180s', prints: /pod\/app-\S+ condition met/ },
        {
          run: `sed 's/main.logs: .*/main.stop-seconds: "1"/' pod.yaml | kubectl apply -f - && kubectl wait --for=condition=Ready pod/talker --timeout=180s`,
        },
        { run: 'kubectl delete pod talker --wait=false && kubectl wait --for=delete pod/talker --timeout=180s' },
        {
          run: 'kubectl apply -f pod.yaml && kubectl wait --for=condition=Never pod/talker --timeout=1s',
          code: 1,
          complains: /timed out waiting for the condition/,
        },
      ],
    },
    {
      title: 'for values and for creation',
      only: '1.35',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        { run: "kubectl wait --for=jsonpath='{.status.readyReplicas}'=2 deployment/app --timeout=180s", prints: 'condition met' },
        {
          run: '(kubectl wait --for=create configmap/late --timeout=180s & kubectl create configmap late; wait $!)',
          prints: 'configmap/late condition met',
        },
      ],
    },
  ],
  delete: [
    {
      title: 'in the background, in the foreground, leaving orphans',
      steps: [
        APP,
        { run: 'kubectl delete deployment app --cascade=orphan', prints: 'deployment.apps "app" deleted' },
        { run: 'kubectl get replicasets,pods -l app=app -o name | wc -l', prints: '3' },
        { run: 'kubectl delete replicaset -l app=app --cascade=foreground', prints: /replicaset.apps "app-\w+" deleted/ },
        { run: 'kubectl get pods -l app=app -o name', prints: /^$/ },
        {
          run: 'kubectl apply -f app.yaml && kubectl rollout status deployment/app --timeout=180s && kubectl delete deployment app --cascade=background',
        },
        { run: 'kubectl get replicasets,pods -l app=app -o name', prints: /^$/, eventually: true },
      ],
    },
    {
      title: 'at once, by file, by selector, all; dry; what is not there',
      steps: [
        { run: 'kubectl apply -f app.yaml -f pod.yaml && kubectl wait --for=condition=Ready pod/talker --timeout=180s' },
        { run: 'kubectl delete pod talker --dry-run=server', prints: /"talker" deleted.* \(server dry run\)/ },
        {
          run: 'kubectl delete pod talker --force --grace-period=0',
          prints: 'pod "talker" force deleted',
          complains: /[Ii]mmediate deletion does not wait/,
        },
        { run: 'kubectl get pod talker', code: 1, complains: 'NotFound' },
        { run: 'kubectl apply -f pod.yaml && kubectl delete pod talker --now', prints: 'pod "talker" deleted' },
        { run: 'kubectl delete -f pod.yaml', code: 1, complains: 'NotFound' },
        { run: 'kubectl delete -f pod.yaml --ignore-not-found', prints: /^$/ },
        { run: 'kubectl delete deployment -l tier=front', prints: 'deployment.apps "app" deleted' },
        { run: 'kubectl delete configmap,service --all', prints: ['configmap "settings" deleted', 'service "app" deleted'] },
      ],
    },
    {
      title: 'waits for finalizers, or not',
      steps: [
        {
          run: `kubectl create configmap held && kubectl patch configmap held --type=merge -p '{"metadata":{"finalizers":["example.org/held"]}}'`,
        },
        { run: 'kubectl delete configmap held --timeout=1s', code: 1, complains: /timed out waiting/ },
        { run: 'kubectl delete configmap held --wait=false', prints: 'configmap "held" deleted' },
        { run: `kubectl get configmap held -o jsonpath='{.metadata.deletionTimestamp}'`, prints: /^20/ },
        {
          run: `kubectl patch configmap held --type=json -p '[{"op":"remove","path":"/metadata/finalizers"}]'`,
          prints: 'patched',
        },
        { run: 'kubectl get configmap held', code: 1, complains: 'NotFound' },
      ],
    },
    {
      title: 'a namespace with all that is in it',
      steps: [
        {
          run: 'kubectl create namespace to-go && kubectl -n to-go apply -f app.yaml && kubectl -n to-go rollout status deployment/app --timeout=180s',
        },
        { run: 'kubectl delete namespace to-go --timeout=180s', prints: 'namespace "to-go" deleted' },
        { run: 'kubectl get namespace to-go', code: 1, complains: 'NotFound' },
        { run: 'kubectl get pods -A -l app=app -o jsonpath={.items[*].metadata.namespace}', prints: /^((?!to-go).)*$/ },
        { run: 'kubectl delete namespace default', code: 1, complains: /\(Forbidden\).*this namespace may not be deleted/ },
      ],
    },
  ],
  'drain, cordon, uncordon': [
    {
      title: 'empties a node, and gives it back',
      steps: [
        { run: 'kubectl cordon node-3', prints: 'node/node-3 cordoned' },
        { run: 'kubectl get node node-3', prints: 'Ready,SchedulingDisabled' },
        { run: 'kubectl uncordon node-3', prints: 'node/node-3 uncordoned' },
        {
          run: `kubectl run alone --image=busybox --overrides='{"spec":{"nodeName":"node-3"}}' && kubectl wait --for=condition=Ready pod/alone --timeout=180s`,
        },
        {
          run: 'kubectl drain node-3 --ignore-daemonsets --timeout=180s',
          code: 1,
          complains: /cannot delete Pods (not managed by|declare no controller|that declare no controller)/,
        },
        {
          run: 'kubectl drain node-3 --ignore-daemonsets --force --delete-emptydir-data --timeout=180s',
          prints: ['pod/alone evicted', /node\/node-3 (drained|evicted)/],
        },
        { run: 'kubectl get pods -A -l run=alone --field-selector=spec.nodeName=node-3 -o name', prints: /^$/ },
        { run: 'kubectl uncordon node-3', prints: 'uncordoned' },
      ],
    },
    {
      title: 'waits for what a disruption budget keeps',
      only: '1.35',
      steps: [
        {
          run: `kubectl run kept --image=busybox --overrides='{"spec":{"nodeName":"node-3"}}' && kubectl wait --for=condition=Ready pod/kept --timeout=180s`,
        },
        { run: 'kubectl create poddisruptionbudget kept --selector=run=kept --min-available=1' },
        {
          run: 'kubectl drain node-3 --ignore-daemonsets --force --pod-selector=run=kept --timeout=4s',
          code: 1,
          complains: "Cannot evict pod as it would violate the pod's disruption budget",
        },
        { run: 'kubectl delete poddisruptionbudget kept' },
        {
          run: 'kubectl drain node-3 --ignore-daemonsets --force --pod-selector=run=kept --timeout=180s',
          prints: 'pod/kept evicted',
        },
        { run: 'kubectl uncordon node-3', prints: 'uncordoned' },
      ],
    },
  ],
  taint: [
    {
      title: 'sets, refuses twice, overwrites, removes; pods heed it',
      steps: [
        { run: 'kubectl taint node node-2 team=red:NoSchedule', prints: 'node/node-2 tainted' },
        { run: 'kubectl taint node node-2 team=blue:NoSchedule', code: 1, complains: /already has .*taint/ },
        { run: 'kubectl taint node node-2 team=blue:NoSchedule --overwrite', prints: 'node/node-2 modified' },
        { run: `kubectl run picky --image=busybox --overrides='{"spec":{"nodeSelector":{"kubernetes.io/hostname":"node-2"}}}'` },
        { run: 'kubectl describe pod picky', prints: /FailedScheduling .*untolerated taint/, eventually: true },
        { run: 'kubectl taint node node-2 team:NoSchedule-', prints: 'node/node-2 untainted' },
        { run: 'kubectl wait --for=condition=Ready pod/picky --timeout=180s', prints: 'met' },
      ],
    },
  ],
  auth: [
    {
      title: 'can-i, for oneself and for others, listed and reconciled',
      steps: [
        { run: 'kubectl auth can-i create pods', prints: /^yes$/m },
        { run: 'kubectl auth can-i get pods --as=jane', code: 1, prints: /^no/ },
        {
          run: 'kubectl create role reader --verb=get --resource=pods --resource-name=one && kubectl create rolebinding b --role=reader --user=jane',
        },
        { run: 'kubectl auth can-i get pods/one --as=jane', prints: /^yes/ },
        { run: 'kubectl auth can-i get pods/other --as=jane', code: 1, prints: /^no/ },
        { run: 'kubectl auth can-i get /version --as=jane', prints: /^yes/ },
        {
          run: 'kubectl auth can-i --list --as=jane',
          prints: [/^pods +\[\] +\[one\] +\[get\]$/m, /selfsubjectaccessreviews.authorization.k8s.io +\[\] +\[\] +\[create\]/],
        },
        {
          run: 'kubectl get role reader -o yaml | sed /resourceVersion/d > role.yaml && kubectl delete role reader && kubectl auth reconcile -f role.yaml',
          prints: 'reader reconciled',
        },
      ],
    },
    {
      title: 'whoami',
      only: '1.35',
      steps: [{ run: 'kubectl auth whoami', prints: [/Username +kubernetes-admin/, 'system:masters'] }],
    },
  ],
  certificate: [
    {
      title: 'approve and deny',
      steps: [
        {
          run: 'sed s/NAME/welcome/ requests.yaml | kubectl create -f -',
          prints: 'certificatesigningrequest.certificates.k8s.io/welcome created',
        },
        { run: 'sed s/NAME/stranger/ requests.yaml | kubectl create -f -' },
        { run: 'kubectl get csr welcome', prints: /welcome .*kubernetes.io\/kube-apiserver-client +kubernetes-admin .*Pending/ },
        { run: 'kubectl describe csr welcome', prints: [/Common Name: +jane/, /Organization: +developers/] },
        { run: 'kubectl certificate approve welcome', prints: 'approved' },
        { run: 'kubectl certificate deny stranger', prints: 'denied' },
        { run: 'kubectl get csr', prints: [/welcome .*Approved/, /stranger .*Denied/] },
        { run: 'kubectl delete csr welcome stranger', prints: 'deleted' },
      ],
    },
  ],
  proxy: [
    {
      title: 'lets plain HTTP clients in',
      steps: [
        {
          run: `exec 3< <(exec kubectl proxy --port=0); read -r line <&3; curl -sS "http://\${line##* }/api/v1/namespaces/default"; kill $!`,
          prints: '"kind": "Namespace"',
        },
        {
          run: `exec 3< <(exec kubectl proxy --port=0 --www=kustomize --www-prefix=/files/); read -r line <&3; curl -sS "http://\${line##* }/files/map.yaml"; kill $!`,
          prints: 'color: blue',
        },
      ],
    },
  ],
  logs: [
    {
      title: 'of one container, of all, of a deployment, the last lines, with times',
      steps: [
        {
          run: 'kubectl apply -f pod.yaml -f app.yaml && kubectl wait --for=condition=Ready pod/talker --timeout=180s && kubectl rollout status deployment/app --timeout=180s',
        },
        { run: 'kubectl logs talker -c main', prints: /^one\ntwo\nthree\n$/ },
        { run: 'kubectl logs talker -c main --tail=1 --timestamps', prints: /^20\S+Z three\n$/ },
        { run: 'kubectl logs talker --all-containers --prefix', prints: '[pod/talker/main] one' },
        { run: 'kubectl logs -l app=talker -c main --limit-bytes=3', prints: /^one$/m },
        { run: 'kubectl logs deployment/app' },
        { run: 'kubectl logs talker -c nothing', code: 1, complains: /container nothing is not valid for pod talker/ },
        {
          run: 'exec 3< <(exec kubectl logs -f talker -c main); read -r a <&3; read -r b <&3; kill $!; echo "$a $b"',
          prints: 'one two',
        },
      ],
    },
  ],
};
