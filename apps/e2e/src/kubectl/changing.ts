import type { CaseTable } from '../testing/shell-case.ts';

const IMAGE = `kubectl get deployment app -o jsonpath='{.spec.template.spec.containers[*].image}'`;
const REVISION = `kubectl get configmap settings -o jsonpath='{.metadata.resourceVersion}'`;
const REPLICAS = `kubectl get deployment app -o jsonpath='{.spec.replicas}'`;

/** Commands that change objects. */
export const CHANGING: CaseTable = {
  apply: [
    {
      title: 'creates, changes, takes away, and changes nothing the second time',
      steps: [
        {
          run: 'kubectl apply -f app.yaml',
          prints: ['deployment.apps/app created', 'configmap/settings created', 'service/app created'],
        },
        {
          run: 'kubectl apply -f app.yaml',
          prints: /^deployment.apps\/app unchanged\nconfigmap\/settings unchanged\nservice\/app unchanged\n$/,
        },
        {
          run: 'kubectl apply -f app-changed.yaml',
          prints: ['deployment.apps/app configured', 'configmap/settings configured', 'service/app unchanged'],
        },
        { run: `kubectl get configmap settings -o jsonpath='{.data}'`, prints: /^\{"color":"green"\}$/ },
        { run: IMAGE, prints: 'nginx:1.23' },
        { run: 'kubectl apply view-last-applied -f app.yaml', prints: 'image: nginx:1.23' },
      ],
    },
    {
      title: 'keeps what others set in fields that it does not name',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        { run: 'kubectl set env deployment/app OTHER=x && kubectl annotate configmap settings note=kept' },
        { run: 'kubectl apply -f app-changed.yaml' },
        {
          run: `kubectl get deployment app -o jsonpath='{.spec.template.spec.containers[0].env[*].name}'`,
          prints: /^(GREETING OTHER|OTHER GREETING)$/,
        },
        { run: `kubectl get configmap settings -o jsonpath='{.metadata.annotations.note}'`, prints: 'kept' },
      ],
    },
    {
      title: 'dry runs on both sides store nothing',
      steps: [
        { run: 'kubectl apply -f app.yaml --dry-run=server', prints: 'deployment.apps/app created (server dry run)' },
        { run: 'kubectl apply -f app.yaml --dry-run=client', prints: 'deployment.apps/app created (dry run)' },
        { run: 'kubectl get -f app.yaml --ignore-not-found', prints: /^$/ },
        { run: 'kubectl apply -f app.yaml && kubectl apply -f app-changed.yaml --dry-run=server -o name' },
        { run: IMAGE, prints: 'nginx:1.22' },
      ],
    },
    ...[
      { only: '1.20', flag: 'whitelist' },
      { only: '1.35', flag: 'allowlist' },
    ].map(({ only, flag }) => ({
      title: 'prunes what is no longer in the set',
      only,
      steps: [
        { run: 'kubectl label -f app.yaml --local -o json set=one | kubectl apply -f -' },
        {
          run: `kubectl label -f pod.yaml --local -o json set=one | kubectl apply -f - --prune -l set=one --prune-${flag}=core/v1/ConfigMap --prune-${flag}=apps/v1/Deployment`,
          prints: ['pod/talker created', 'configmap/settings pruned', 'deployment.apps/app pruned'],
        },
        { run: 'kubectl get service app -o name', prints: 'service/app' },
      ],
    })),
  ],
  'apply --server-side': [
    {
      title: 'creates, changes nothing the second time, takes away what is no longer named',
      steps: [
        {
          run: 'kubectl apply --server-side -f app.yaml',
          prints: ['deployment.apps/app serverside-applied', 'configmap/settings serverside-applied'],
        },
        { run: `[ $(${REVISION}) = $(kubectl apply --server-side -f app.yaml > /dev/null && ${REVISION}) ]` },
        { run: 'kubectl apply --server-side -f app-changed.yaml', prints: 'configmap/settings serverside-applied' },
        { run: `kubectl get configmap settings -o jsonpath='{.data}'`, prints: /^\{"color":"green"\}$/ },
        { run: IMAGE, prints: /^nginx:1.23$/ },
        { run: `kubectl get configmap settings -o jsonpath='{.metadata.annotations}'`, prints: /^$/ },
      ],
    },
    {
      title: 'tells whose fields it would take, and takes them by force',
      steps: [
        { run: 'kubectl apply --server-side -f app.yaml' },
        {
          run: 'kubectl apply --server-side --field-manager=other -f app-changed.yaml',
          code: 1,
          complains: [/conflict with "kubectl"/, '.data.color', '.spec.template.spec.containers[name="web"].image'],
        },
        { run: IMAGE, prints: /^nginx:1.22$/ },
        {
          run: 'kubectl apply --server-side --field-manager=other --force-conflicts -f app-changed.yaml',
          prints: 'serverside-applied',
        },
        { run: `kubectl get configmap settings -o jsonpath='{.data}'`, prints: ['"color":"green"', '"shape":"round"'] },
        { run: 'kubectl apply --server-side -f app.yaml', code: 1, complains: /conflict with "other"/ },
      ],
    },
    {
      title: 'shares fields of equal value, and leaves what others still apply',
      steps: [
        { run: 'kubectl apply --server-side -f app.yaml && kubectl apply --server-side --field-manager=other -f app.yaml' },
        { run: 'kubectl apply --server-side --field-manager=other -f <(sed "/shape: round/d" app.yaml)' },
        { run: `kubectl get configmap settings -o jsonpath='{.data.shape}'`, prints: 'round' },
        {
          run: 'kubectl scale deployment app --replicas=5 && kubectl apply --server-side -f app.yaml',
          code: 1,
          complains: /conflict with "kubectl(-scale)?".*\.spec\.replicas|\.spec\.replicas/,
        },
        { run: 'kubectl apply --server-side -f <(sed "/replicas: 2/d" app.yaml)', prints: 'serverside-applied' },
        { run: REPLICAS, prints: '5' },
      ],
    },
    {
      title: 'tries on the server, and shows the difference',
      steps: [
        { run: 'kubectl apply --server-side --dry-run=server -f app.yaml', prints: 'serverside-applied (server dry run)' },
        { run: 'kubectl get -f app.yaml --ignore-not-found', prints: /^$/ },
        {
          run: 'kubectl apply --server-side -f app.yaml',
          prints: 'serverside-applied',
        },
        // A status that changes meanwhile is a difference, too.
        { run: 'kubectl diff --server-side -f app.yaml', prints: /^$/, eventually: true },
        {
          run: 'kubectl diff --server-side -f app-changed.yaml',
          code: 1,
          prints: [/^-\s+(- )?image: nginx:1\.22$/m, '-  shape: round'],
        },
      ],
    },
    {
      title: 'takes over from client-side apply',
      only: '1.35',
      steps: [
        {
          run: 'kubectl apply -f app.yaml && kubectl apply --server-side -f app-changed.yaml',
          prints: 'configmap/settings serverside-applied',
        },
        { run: `kubectl get configmap settings -o jsonpath='{.data}'`, prints: /^\{"color":"green"\}$/ },
        {
          run: `kubectl get deployment app --show-managed-fields -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.subresource}{"\\n"}{end}'`,
          prints: ['kubectl Apply \n', /\S+ Update status\n/],
          eventually: true,
        },
      ],
    },
  ],
  diff: [
    {
      title: 'shows what would change, and exits with 1',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        { run: 'kubectl diff -f app.yaml', prints: /^$/, eventually: true },
        {
          run: 'kubectl diff -f app-changed.yaml',
          code: 1,
          prints: [/^-\s+(- )?image: nginx:1\.22$/m, /^\+\s+(- )?image: nginx:1\.23$/m, '-  shape: round', '+  color: green'],
        },
        { run: 'kubectl diff -f pod.yaml', code: 1, prints: '+kind: Pod' },
      ],
    },
  ],
  replace: [
    {
      title: 'what is there; by force with another object',
      steps: [
        { run: 'kubectl replace -f pod.yaml', code: 1, complains: '(NotFound)' },
        { run: 'kubectl create -f app.yaml' },
        { run: 'kubectl replace -f app-changed.yaml', prints: ['deployment.apps/app replaced', 'configmap/settings replaced'] },
        { run: IMAGE, prints: 'nginx:1.23' },
        {
          run: `before=$(kubectl get deploy app -o jsonpath='{.metadata.uid}') && kubectl replace --force -f app.yaml && [ $before != $(kubectl get deploy app -o jsonpath='{.metadata.uid}') ]`,
          prints: 'deployment.apps/app replaced',
        },
        {
          run: `kubectl get configmap settings -o json | sed 's/"resourceVersion": "[0-9]*"/"resourceVersion": "1"/' | kubectl replace -f -`,
          code: 1,
          complains: /\(Conflict\).*the object has been modified/,
        },
      ],
    },
  ],
  patch: [
    {
      title: 'strategic, merge and JSON',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        {
          run: `kubectl patch deployment app -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox"}]}}}}'`,
          prints: 'deployment.apps/app patched',
        },
        { run: IMAGE, prints: /^(busybox nginx:1.22|nginx:1.22 busybox)$/ },
        {
          run: `kubectl patch deployment app --type=strategic -p '{"spec":{"template":{"spec":{"containers":[{"name":"side","$patch":"delete"}]}}}}'`,
          prints: 'patched',
        },
        { run: IMAGE, prints: /^nginx:1.22$/ },
        {
          run: `kubectl patch deployment app --type=merge -p '{"spec":{"replicas":3},"metadata":{"labels":{"tier":null}}}'`,
          prints: 'patched',
        },
        { run: `kubectl get deployment app -o jsonpath='{.spec.replicas}{.metadata.labels}'`, prints: /^3(map\[\]|\{\})?$/ },
        {
          run: `kubectl patch deployment app --type=json -p '[{"op":"test","path":"/spec/replicas","value":3},{"op":"replace","path":"/spec/replicas","value":1}]'`,
          prints: 'patched',
        },
        { run: REPLICAS, prints: '1' },
        {
          run: `kubectl patch deployment app --type=json -p '[{"op":"test","path":"/spec/replicas","value":9}]'`,
          code: 1,
          complains: 'The request is invalid',
        },
        { run: `kubectl patch deployment app -p '{"spec":{"replicas":1}}'`, prints: 'patched (no change)', eventually: true },
        { run: `kubectl patch configmap settings -p '{"data":{"color":"red"}}' --dry-run=server -o yaml`, prints: 'color: red' },
        { run: `kubectl get configmap settings -o jsonpath='{.data.color}'`, prints: 'blue' },
      ],
    },
    {
      title: 'subresources',
      only: '1.35',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        {
          run: `kubectl patch deployment app --subresource=scale --type=merge -p '{"spec":{"replicas":1}}'`,
          prints: 'scale.autoscaling/app patched',
        },
        { run: REPLICAS, prints: '1' },
        { run: `kubectl get deployment app --subresource=scale -o jsonpath='{.kind} {.spec.replicas}'`, prints: 'Scale 1' },
        {
          run: `kubectl patch pod talker --subresource=status --type=merge -p '{}'`,
          code: 1,
          complains: 'pods "talker" not found',
        },
        { run: `kubectl patch deployment app --subresource=status --type=merge -p '{"spec":{"replicas":9}}'`, prints: 'patched' },
        { run: REPLICAS, prints: '1' },
      ],
    },
  ],
  edit: [
    {
      title: 'by an editor; with nothing changed; with something wrong',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        {
          run: `EDITOR=./editor EDIT='s/replicas: 2/replicas: 3/' kubectl edit deployment app`,
          prints: 'deployment.apps/app edited',
        },
        { run: REPLICAS, prints: '3' },
        { run: 'EDITOR=true kubectl edit deployment app', complains: /no changes made/ },
        {
          run: `EDITOR=./editor EDIT='s/replicas: 3/replicas: -3/' kubectl edit deployment app`,
          code: 1,
          complains: 'deployments.apps "app" is invalid',
        },
      ],
    },
  ],
  label: [
    {
      title: 'sets, refuses to overwrite, overwrites, removes; all; by selector',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        { run: 'kubectl label deployment app color=red', prints: 'deployment.apps/app labeled' },
        {
          run: 'kubectl label deployment app color=blue',
          code: 1,
          complains: "'color' already has a value (red), and --overwrite is false",
        },
        { run: 'kubectl label deployment app color=blue --overwrite', prints: 'labeled' },
        { run: 'kubectl label service,configmap --all set=all', prints: ['service/app labeled', 'configmap/settings labeled'] },
        {
          run: 'kubectl label deployment -l color=blue found=yes && kubectl get deployment -l found=yes,color!=red -o name',
          prints: 'deployment.apps/app\n',
        },
        {
          run: 'kubectl label deployment app color- && kubectl get deployment app --show-labels --no-headers',
          prints: /found=yes,tier=front\n/,
        },
      ],
    },
  ],
  annotate: [
    {
      title: 'sets, overwrites, removes',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        { run: "kubectl annotate service app note='some words'", prints: 'service/app annotated' },
        { run: 'kubectl annotate service app note=other', code: 1, complains: 'already has a value' },
        { run: 'kubectl annotate --overwrite service app note=other', prints: 'annotated' },
        { run: `kubectl get service app -o jsonpath='{.metadata.annotations.note}'`, prints: 'other' },
        {
          run: `kubectl annotate service app note- && kubectl get service app -o jsonpath='<{.metadata.annotations.note}>'`,
          prints: '<>',
        },
      ],
    },
  ],
  scale: [
    {
      title: 'with and without a precondition, several at once, every kind that has it',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        { run: 'kubectl scale deployment app --replicas=3', prints: 'deployment.apps/app scaled' },
        {
          run: 'kubectl scale deployment app --current-replicas=5 --replicas=1',
          code: 1,
          complains: 'Expected replicas to be 5, was 3',
        },
        { run: 'kubectl scale deployment app --current-replicas=3 --replicas=1', prints: 'scaled' },
        { run: 'kubectl rollout status deployment/app --timeout=180s && kubectl get deployment app', prints: /app +1\/1 +1 +1/ },
        {
          run: 'kubectl create deployment other --image=nginx && kubectl scale deployment --all --replicas=0',
          prints: ['app scaled', 'other scaled'],
        },
        {
          run: 'kubectl scale replicaset -l app=other --replicas=0',
          prints: /replicaset.apps\/other-\w+ scaled/,
          eventually: true,
        },
      ],
    },
  ],
  set: [
    {
      title: 'image, env, resources, serviceaccount, selector, subject',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        { run: 'kubectl set image deployment/app web=nginx:9', prints: 'deployment.apps/app image updated' },
        { run: IMAGE, prints: 'nginx:9' },
        { run: 'kubectl set env deployment/app NAME=x GREETING-', prints: 'deployment.apps/app env updated' },
        { run: 'kubectl set env deployment/app --from=configmap/settings --prefix=S_' },
        { run: 'kubectl set env deployment/app --list', prints: ['NAME=x', '# S_COLOR from configmap settings, key color'] },
        {
          run: 'kubectl set resources deployment app --limits=cpu=200m,memory=64Mi --requests=cpu=0.1',
          prints: 'resource requirements updated',
        },
        {
          run: `kubectl get deployment app -o jsonpath='{.spec.template.spec.containers[0].resources.requests.cpu}'`,
          prints: '100m',
        },
        {
          run: 'kubectl create serviceaccount robot && kubectl set serviceaccount deployment app robot',
          prints: 'serviceaccount updated',
        },
        { run: 'kubectl rollout status deployment/app --timeout=180s', prints: 'successfully rolled out' },
        {
          run: `kubectl get pods -l app=app -o jsonpath='{.items[*].spec.serviceAccountName}'`,
          prints: /^robot robot$/,
          eventually: true,
        },
        { run: 'kubectl set selector service app app=other', prints: 'service/app selector updated' },
        {
          run: 'kubectl create rolebinding b --clusterrole=view --user=jane && kubectl set subject rolebinding b --group=devs',
          prints: 'subjects updated',
        },
        { run: `kubectl get rolebinding b -o jsonpath='{.subjects[*].name}'`, prints: 'jane devs' },
      ],
    },
  ],
  kustomize: [
    {
      title: 'builds, applies, shows and deletes a directory',
      steps: [
        { run: 'kubectl kustomize kustomize', prints: ['name: my-settings', 'image: nginx:1.23', 'team: red'] },
        {
          run: 'kubectl apply -k kustomize',
          prints: ['configmap/my-settings created', /configmap\/my-generated-\w+ created/, 'deployment.apps/my-web created'],
        },
        { run: 'kubectl diff -k kustomize', prints: /^$/, eventually: true },
        { run: 'kubectl get -k kustomize -o name', prints: 'deployment.apps/my-web' },
        { run: 'kubectl delete -k kustomize', prints: 'deployment.apps "my-web" deleted' },
      ],
    },
  ],
};
