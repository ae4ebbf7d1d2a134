import type { CaseTable } from '../testing/shell-case.ts';

const APP = { run: 'kubectl apply -f app.yaml && kubectl rollout status deployment/app --timeout=180s' } as const;

/** Commands that show objects and what there is. */
export const READING: CaseTable = {
  get: [
    {
      title: 'tables: short, wide, with labels, without headers, of all namespaces',
      steps: [
        APP,
        { run: 'kubectl get deployments', prints: /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\napp +2\/2 +2 +2 +\d+s\n$/ },
        { run: 'kubectl get deploy -o wide', prints: /CONTAINERS +IMAGES +SELECTOR\napp .* web +nginx:1.22 +app=app\n/ },
        {
          run: 'kubectl get pods -o wide',
          prints: [
            /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\n/,
            /1\/1 +Running +0 +\d+s +10\.244\.\S+ +node-\d +<none> +<none>/,
          ],
        },
        { run: 'kubectl get service app --show-labels', prints: /app +ClusterIP +10\.\S+ +<none> +80\/TCP +\d+s +<none>/ },
        { run: 'kubectl get deploy -L tier --no-headers', prints: /^app .* front\n$/ },
        {
          run: 'kubectl get all',
          prints: [/pod\/app-\w+-\w+/, /service\/app/, /deployment.apps\/app/, /replicaset.apps\/app-\w+/],
        },
        { run: 'kubectl get deployments -A', prints: /NAMESPACE +NAME .*\n(.*\n)*\S+ +app +2\/2/ },
        { run: 'kubectl get nodes,namespaces', prints: [/node\/node-1 +Ready +<none>/, /namespace\/kube-system +Active/] },
      ],
    },
    {
      title: 'as YAML, JSON and names',
      steps: [
        APP,
        {
          run: 'kubectl get deployment app -o yaml',
          prints: ['apiVersion: apps/v1\nkind: Deployment\nmetadata:\n', '    tier: front\n', 'progressDeadlineSeconds: 600'],
        },
        { run: 'kubectl get deployments -o json', prints: ['"kind": "List"', '"kind": "Deployment"'] },
        { run: 'kubectl get deploy,cm,svc -l tier=front -o name', prints: /^deployment.apps\/app\n$/ },
        { run: 'kubectl get -f app.yaml -o name', prints: /^deployment.apps\/app\nconfigmap\/settings\nservice\/app\n$/ },
      ],
    },
    {
      title: 'by JSONPath, columns and Go templates',
      steps: [
        APP,
        {
          run: `kubectl get pods -o jsonpath='{range .items[*]}{.spec.containers[0].image}={.status.phase}{"\\n"}{end}'`,
          prints: 'nginx:1.22=Running\nnginx:1.22=Running\n',
        },
        {
          run: `kubectl get deploy app -o jsonpath='{.spec.template.spec.containers[?(@.name=="web")].ports[0].containerPort}'`,
          prints: '80',
        },
        {
          run: 'kubectl get deploy -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image',
          prints: /^NAME +IMAGE\napp +nginx:1.22\n$/,
        },
        {
          run: `kubectl get cm settings -o go-template='{{range $k, $v := .data}}{{$k}}={{$v}};{{end}}'`,
          prints: 'color=blue;shape=round;',
        },
        { run: `kubectl get cm settings -o 'jsonpath-as-json={.data}'`, prints: '"color": "blue"' },
        { run: "echo '{.metadata.name}' > f && kubectl get svc app -o jsonpath-file=f", prints: 'app' },
      ],
    },
    {
      title: 'filtered, sorted, in chunks',
      steps: [
        APP,
        { run: 'for n in c a b; do kubectl create configmap $n --from-literal=k=$n; done' },
        { run: `kubectl get configmaps --sort-by=.data.k -o name`, prints: /a\n.*b\n.*c\n/ },
        { run: 'kubectl get configmaps --chunk-size=1 -o name | wc -l', prints: '5' },
        { run: 'kubectl get pods --field-selector=status.phase=Running,spec.nodeName!=none -o name | wc -l', prints: '2' },
        { run: 'kubectl get pods --field-selector=status.phase=Failed', complains: 'No resources found in' },
        { run: "kubectl get pods -l 'app in (app,other),!missing' -o name | wc -l", prints: '2' },
        {
          run: 'kubectl get pods --field-selector=spec.nothing=1',
          code: 1,
          complains: 'field label not supported: spec.nothing',
        },
        { run: "kubectl get pods -l 'a in'", code: 1, complains: /unable to parse requirement|found/ },
      ],
    },
    {
      title: 'watches',
      steps: [
        {
          run: 'exec 3< <(exec kubectl get configmap -w -o name --field-selector=metadata.name=seen); kubectl create configmap seen -o name; read -r a <&3; kubectl label configmap seen a=b > /dev/null; read -r b <&3; kill $!; echo "saw $a, $b"',
          prints: 'saw configmap/seen, configmap/seen',
        },
        {
          run: 'exec 3< <(exec kubectl get configmap seen -w --output-watch-events --no-headers); read -r a _ <&3; kubectl label configmap seen c=d > /dev/null; read -r b _ <&3; kubectl delete configmap seen > /dev/null; read -r c _ <&3; kill $!; echo "saw $a $b $c"',
          prints: 'saw ADDED MODIFIED DELETED',
        },
      ],
    },
    {
      title: 'says what is not there',
      steps: [
        { run: 'kubectl get pod nothing', code: 1, complains: 'Error from server (NotFound): pods "nothing" not found' },
        { run: 'kubectl get nothings', code: 1, complains: `error: the server doesn't have a resource type "nothings"` },
        { run: 'kubectl get pods', complains: /No resources found in \S+-get-says-what-is-not-there namespace/ },
        { run: 'kubectl get pod nothing --ignore-not-found', prints: /^$/ },
        {
          run: 'kubectl get pods --as=nobody',
          code: 1,
          complains:
            /\(Forbidden\): pods is forbidden: User "nobody" cannot list resource "pods" in API group "" in the namespace "\S+-get-says-what-is-not-there"/,
        },
        { run: 'kubectl get --raw /nothing', code: 1, complains: /NotFound/ },
        { run: "kubectl get --raw '/readyz?verbose'", prints: 'readyz check passed' },
      ],
    },
  ],
  describe: [
    {
      title: 'workloads and their pods',
      steps: [
        APP,
        {
          run: 'kubectl describe deployment app',
          prints: [
            /Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable/,
            /NewReplicaSet: +app-\w+ \(2\/2 replicas created\)/,
            /Scaled up replica set app-\w+/,
          ],
          eventually: true,
        },
        {
          run: 'kubectl describe replicaset -l app=app',
          prints: [/Controlled By: +Deployment\/app/, /2 Running \/ 0 Waiting/, 'SuccessfulCreate'],
          eventually: true,
        },
        {
          run: 'kubectl describe pods -l app=app',
          prints: [
            /Status: +Running/,
            /QoS Class: +BestEffort/,
            /Successfully assigned \S+ to node-/,
            /GREETING: +hello/,
            /Ready +True/,
          ],
          eventually: true,
        },
        { run: 'kubectl create job j --image=busybox -- true && kubectl describe job j', prints: /Completions: +1/ },
      ],
    },
    {
      title: 'services, addresses and routes',
      steps: [
        APP,
        {
          run: 'kubectl describe service app',
          prints: [/Selector: +app=app/, /TargetPort: +http\/TCP/, /Endpoints: +10\.\S+:80,10\.\S+:80/],
          eventually: true,
        },
        { run: 'kubectl describe endpoints app', prints: /Addresses: +10\.\S+,10\.\S+/, eventually: true },
        {
          run: 'kubectl create ingress i --rule=example.org/path=app:80',
          prints: 'ingress.networking.k8s.io/i created',
        },
        {
          run: 'kubectl describe ingress i',
          prints: /example.org\s+\/path +app:80 \(10\.\S+:80,10\.\S+:80\)/,
          eventually: true,
        },
      ],
    },
    {
      title: 'slices, budgets and schedules',
      only: '1.35',
      steps: [
        APP,
        {
          run: 'kubectl describe endpointslice -l kubernetes.io/service-name=app',
          prints: [/AddressType: +IPv4/, /Ready: +true/, /TargetRef: +Pod\/app-/],
          eventually: true,
        },
        {
          run: 'kubectl create poddisruptionbudget p --selector=app=app --min-available=1 && kubectl describe pdb p',
          prints: /Min available: +1/,
        },
        {
          run: "kubectl create cronjob c --image=busybox --schedule='0 0 1 1 *' && kubectl describe cronjob c",
          prints: /Schedule: +0 0 1 1 \*/,
        },
      ],
    },
    {
      title: 'configuration, accounts and rights',
      steps: [
        {
          run: 'kubectl apply -f app.yaml && kubectl describe configmap settings',
          // Older ones print the keys in an order that changes from run to run.
          prints: [/Data\n====\n/, /color:\n----\nblue/, /shape:\n----\nround/],
        },
        {
          run: 'kubectl create secret generic s --from-literal=password=1234 && kubectl describe secret s',
          prints: /password: +4 bytes/,
        },
        { run: 'kubectl describe serviceaccount default', prints: /Name: +default/ },
        {
          run: 'kubectl create role r --verb=get --resource=pods && kubectl describe role r',
          prints: /pods +\[\] +\[\] +\[get\]/,
        },
        { run: 'kubectl create rolebinding b --role=r --user=jane && kubectl describe rolebinding b', prints: /User +jane/ },
        { run: 'kubectl describe clusterrole view', prints: /configmaps +\[\] +\[\] +\[get list watch\]/ },
        {
          run: 'kubectl create quota q --hard=pods=3 && kubectl describe quota q',
          prints: /Namespace: +\S+-describe-configuration-accounts-and-rights/,
        },
      ],
    },
    {
      title: 'nodes, namespaces and priorities',
      steps: [
        {
          run: 'kubectl describe node node-1',
          prints: [
            /Ready +True .* KubeletReady/,
            /Container Runtime Version: +sim:/,
            /PodCIDR: +10\.244\./,
            'Allocated resources:',
          ],
        },
        { run: 'kubectl describe namespace default', prints: /Status: +Active/ },
        { run: 'kubectl describe priorityclass system-node-critical', prints: /Value: +2000001000/ },
        { run: 'kubectl describe pod nothing', code: 1, complains: 'pods "nothing" not found' },
      ],
    },
  ],
  explain: [
    {
      title: 'kinds and fields, one level or all',
      steps: [
        { run: 'kubectl explain deployment', prints: [/KIND: +Deployment/, /VERSION: +(apps\/)?v1/, 'spec\t<'] },
        { run: 'kubectl explain pod.spec.containers.ports.containerPort', prints: /<integer>/ },
        { run: 'kubectl explain service --recursive', prints: ['clusterIP\t<string>', 'nodePort\t<integer>'] },
        { run: 'kubectl explain hpa --api-version=autoscaling/v1', prints: /VERSION: +(autoscaling\/)?v1/ },
        { run: 'kubectl explain pod.nothing', code: 1, complains: 'field "nothing" does not exist' },
      ],
    },
    {
      title: 'from OpenAPI v2 too',
      only: '1.35',
      steps: [
        {
          run: 'kubectl explain deployment.spec.template --output=plaintext-openapiv2 --recursive',
          prints: ['KIND:     Deployment', 'containers\t<[]Object>'],
        },
      ],
    },
  ],
  'api-resources': [
    {
      title: 'all, and some',
      steps: [
        {
          run: 'kubectl api-resources',
          prints: [/^deployments +deploy +apps\/v1 +true +Deployment$/m, /^nodes +no +v1 +false +Node$/m],
        },
        {
          run: 'kubectl api-resources --namespaced=false --verbs=list,watch -o name',
          prints: ['nodes\n', 'clusterroles.rbac.authorization.k8s.io\n'],
        },
        {
          run: 'kubectl api-resources --api-group=batch -o wide',
          prints:
            /cronjobs .*(create,delete,deletecollection,get,list,patch,update,watch|\[create delete deletecollection get list patch update watch\])/,
        },
        { run: 'kubectl api-versions', prints: ['apps/v1\n', 'v1\n', 'rbac.authorization.k8s.io/v1\n'] },
      ],
    },
  ],
  'cluster-info': [
    {
      title: 'where it is, and a dump of it',
      steps: [
        { run: 'kubectl cluster-info', prints: /Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:/ },
        {
          run: 'kubectl cluster-info dump --namespaces=default --output-directory=dump && ls dump',
          prints: ['default', 'nodes.json'],
        },
        { run: 'kubectl version', prints: /1\.36\.0/ },
      ],
    },
  ],
  events: [
    {
      title: 'of a namespace, of an object, by type',
      only: '1.35',
      steps: [
        APP,
        { run: 'kubectl events', prints: /Normal +Scheduled +Pod\/app-/, eventually: true },
        {
          run: 'kubectl events --for deployment/app --types=Normal',
          prints: /Normal +ScalingReplicaSet +Deployment\/app/,
          eventually: true,
        },
        { run: 'kubectl events --types=Warning', complains: /No events found/ },
      ],
    },
    {
      title: 'as objects of both groups',
      steps: [
        APP,
        {
          run: 'kubectl get events --sort-by=.lastTimestamp',
          prints: /Normal +ScalingReplicaSet +deployment\/app +Scaled up/,
          eventually: true,
        },
        {
          run: 'kubectl get events --field-selector=involvedObject.kind=Deployment,reason=ScalingReplicaSet -o name',
          prints: 'event/app.',
        },
        { run: 'kubectl get events.events.k8s.io', prints: /ScalingReplicaSet/ },
      ],
    },
  ],
  top: [
    {
      title: 'shows what nodes use',
      steps: [
        {
          run: 'kubectl top nodes',
          prints:
            /^NAME +CPU\(cores\) +CPU\(?%\)? +MEMORY\(bytes\) +MEMORY\(?%\)? +\nnode-1 +\d+m +\d+% +\d+Mi +\d+% +\n(node-\d .*\n){2}$/,
          eventually: true,
        },
        { run: 'kubectl top nodes --sort-by=memory --no-headers | wc -l', prints: '3' },
        { run: 'kubectl top node node-2', prints: /\nnode-2 +\d+m/ },
        { run: 'kubectl get nodes.metrics.k8s.io', prints: /^NAME +CPU +MEMORY +WINDOW\nnode-1 +\S+ +\S+ +\d+\.?\d*s\n/ },
        { run: 'kubectl get apiservice v1beta1.metrics.k8s.io', prints: /v1beta1.metrics.k8s.io +Local +True/ },
      ],
    },
    {
      title: 'shows what pods and their containers use',
      steps: [
        { run: 'kubectl apply -f load.yaml && kubectl wait --for=condition=Ready pod -l load --timeout=180s' },
        {
          run: 'kubectl top pods --sort-by=cpu',
          prints: /^NAME +CPU\(cores\) +MEMORY\(bytes\) +\nheavy +80\dm +64Mi +\nlight +3[01]m +20Mi +\n$/,
          eventually: true,
        },
        {
          run: 'kubectl top pods --containers --sort-by=memory',
          prints: /^POD +NAME +CPU\(cores\) +MEMORY\(bytes\) +\nheavy +main +80\dm +64Mi +\nlight +\S+ +/,
        },
        {
          run: 'kubectl top pod light --containers --no-headers',
          prints: [/light +main +2[01]m +16Mi/, /light +side +1[01]m +4Mi/],
        },
        { run: 'kubectl top pods -l load=heavy --no-headers', prints: /^heavy +80\dm +64Mi +\n$/ },
        { run: 'kubectl top pods -A', prints: /NAMESPACE +NAME .*\n(.*\n)*\S+ +heavy +80\dm/ },
        { run: 'kubectl top pod none', code: 1, complains: 'podmetrics.metrics.k8s.io "' },
        { run: 'kubectl top pods -l load=none', complains: 'No resources found in' },
      ],
    },
  ],
};
