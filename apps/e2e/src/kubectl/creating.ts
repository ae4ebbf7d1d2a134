import type { CaseTable } from '../testing/shell-case.ts';

/** Commands that make objects. */
export const CREATING: CaseTable = {
  create: [
    {
      title: 'each kind that it has a generator for',
      steps: [
        { run: 'kubectl create deployment d --image=nginx:1.22 --replicas=2 --port=80', prints: 'deployment.apps/d created' },
        { run: 'kubectl create job j --image=busybox -- echo hi', prints: 'job.batch/j created' },
        { run: 'kubectl create configmap c --from-literal=a=1 --from-file=app.yaml', prints: 'configmap/c created' },
        { run: 'kubectl create secret generic s --from-literal=password=x', prints: 'secret/s created' },
        { run: 'kubectl create secret docker-registry r --docker-username=u --docker-password=p', prints: 'secret/r created' },
        { run: 'kubectl create serviceaccount a', prints: 'serviceaccount/a created' },
        { run: 'kubectl create quota q --hard=pods=9', prints: 'resourcequota/q created' },
        {
          run: 'kubectl create role reader --verb=get,list --resource=pods',
          prints: 'role.rbac.authorization.k8s.io/reader created',
        },
        {
          run: 'kubectl create rolebinding b --role=reader --user=jane',
          prints: 'rolebinding.rbac.authorization.k8s.io/b created',
        },
        { run: 'kubectl create clusterrole create-test --verb=get --non-resource-url=/x', prints: 'create-test created' },
        {
          run: 'kubectl create clusterrolebinding create-test --clusterrole=create-test --user=jane',
          prints: 'create-test created',
        },
        { run: 'kubectl create ingress i --rule=example.org/path=d:80', prints: 'ingress.networking.k8s.io/i created' },
        { run: 'kubectl create priorityclass create-test --value=10', prints: 'create-test created' },
        { run: 'kubectl create service clusterip cluster --tcp=80:8080', prints: 'service/cluster created' },
        { run: 'kubectl create service nodeport node --tcp=80:8080', prints: 'service/node created' },
        { run: 'kubectl create service loadbalancer balancer --tcp=80:8080', prints: 'service/balancer created' },
        { run: 'kubectl create service externalname outside --external-name=example.org', prints: 'service/outside created' },
        { run: 'kubectl create namespace create-test', prints: 'namespace/create-test created' },
        {
          run: 'kubectl get deploy/d job/j cm/c secret/s secret/r sa/a quota/q role/reader rolebinding/b ingress/i svc/node -o name | wc -l',
          prints: '11',
        },
      ],
    },
    {
      title: 'kinds whose old API versions are gone',
      only: '1.35',
      steps: [
        { run: "kubectl create cronjob c --image=busybox --schedule='0 0 1 1 *' -- true", prints: 'cronjob.batch/c created' },
        { run: 'kubectl create job j --from=cronjob/c', prints: 'job.batch/j created' },
        { run: "kubectl get job j -o jsonpath='{.metadata.ownerReferences[0].kind}'", prints: 'CronJob' },
        {
          run: 'kubectl create poddisruptionbudget p --selector=app=x --min-available=1',
          prints: 'poddisruptionbudget.policy/p created',
        },
        { run: 'kubectl create token default --duration=20m', prints: /^ey[\w-]+\.ey[\w-]+\.[\w-]+/ },
      ],
    },
    {
      title: 'from a file, a list and standard input; never twice',
      steps: [
        {
          run: 'kubectl create -f app.yaml',
          prints: ['deployment.apps/app created', 'configmap/settings created', 'service/app created'],
        },
        { run: 'kubectl create -f app.yaml', code: 1, complains: /\(AlreadyExists\).*deployments.apps "app" already exists/ },
        {
          run: 'kubectl get -f app.yaml -o json | sed s/settings/others/ | kubectl create -f -',
          code: 1,
          prints: 'configmap/others created',
        },
        { run: 'kubectl create -f pod.yaml --dry-run=server', prints: 'pod/talker created (server dry run)' },
        { run: 'kubectl get pod talker', code: 1, complains: 'Error from server (NotFound): pods "talker" not found' },
        { run: 'kubectl create -f pod.yaml --dry-run=client -o yaml', prints: 'kind: Pod' },
      ],
    },
    {
      title: 'refuses what is not valid, and says where',
      steps: [
        {
          run: 'sed "s/containerPort: 80/containerPort: 80000/" app.yaml | kubectl create -f -',
          code: 1,
          complains:
            'spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 80000: must be between 1 and 65535, inclusive',
        },
        { run: 'sed "s/replicas: 2/replicaz: 2/" app.yaml | kubectl create -f -', code: 1, complains: /replicaz/ },
        { run: 'sed "s/replicas: 2/replicas: many/" app.yaml | kubectl create -f -', code: 1, complains: /replicas|many/ },
        { run: 'sed "s/name: app$/name: App_1/" app.yaml | kubectl create -f -', code: 1, complains: 'a lowercase RFC 1123' },
      ],
    },
  ],
  run: [
    {
      title: 'pods with environment, labels, command and overrides',
      steps: [
        {
          run: 'kubectl run one --image=busybox --restart=Never --env=A=b --labels=team=red --command -- sleep 100',
          prints: 'pod/one created',
        },
        {
          run: `kubectl get pod one -o jsonpath='{.metadata.labels.team} {.spec.restartPolicy} {.spec.containers[0].command} {.spec.containers[0].env[0].name}'`,
          prints: 'red Never ["sleep","100"] A',
        },
        { run: `kubectl run two --image=busybox --overrides='{"spec":{"hostname":"other"}}'`, prints: 'pod/two created' },
        { run: `kubectl get pod two -o jsonpath='{.spec.hostname}'`, prints: 'other' },
        { run: 'kubectl run web --image=nginx --port=80 --expose', prints: ['service/web created', 'pod/web created'] },
        { run: 'kubectl wait --for=condition=Ready pod/one pod/two pod/web --timeout=180s', prints: 'pod/web condition met' },
      ],
    },
  ],
  expose: [
    {
      title: 'a deployment, a pod and a service',
      steps: [
        { run: 'kubectl apply -f app.yaml -f pod.yaml' },
        { run: 'kubectl expose deployment app --name=d --port=8080 --target-port=80', prints: 'service/d exposed' },
        { run: 'kubectl expose pod talker --port=1', prints: 'service/talker exposed' },
        { run: 'kubectl expose service app --name=s --port=443 --target-port=http --type=NodePort', prints: 'service/s exposed' },
        {
          run: `kubectl get service d s -o jsonpath='{range .items[*]}{.spec.selector.app} {.spec.ports[0].port}:{.spec.ports[0].targetPort}{"\\n"}{end}'`,
          prints: 'app 8080:80\napp 443:http\n',
        },
        {
          run: `kubectl get endpoints d -o jsonpath='{.subsets[0].addresses[*].ip}'`,
          prints: /^10\.\S+ 10\.\S+$/,
          eventually: true,
        },
      ],
    },
  ],
  autoscale: [
    {
      title: 'a deployment',
      steps: [
        { run: 'kubectl apply -f app.yaml' },
        {
          run: 'kubectl autoscale deployment app --min=2 --max=5 --cpu-percent=50',
          prints: 'horizontalpodautoscaler.autoscaling/app autoscaled',
        },
        { run: 'kubectl get hpa app', prints: /app +Deployment\/app +cpu: (<unknown>|\d+%)\/50% +2 +5/ },
        { run: 'kubectl describe hpa app', prints: /Max replicas: +5/ },
      ],
    },
    {
      title: 'a deployment, which then grows with what its pods use',
      steps: [
        { run: 'kubectl apply -f burner.yaml' },
        { run: 'kubectl autoscale deployment burner --min=1 --max=2 --cpu-percent=50' },
        {
          run: 'kubectl get hpa burner --no-headers',
          prints: /^burner +Deployment\/burner +cpu: [89]\d%\/50% +1 +2 +[12] /,
          eventually: true,
        },
        { run: 'kubectl wait --for=condition=Available deployment/burner --timeout=180s' },
        { run: "kubectl get deployment burner -o jsonpath='{.spec.replicas}'", prints: '2', eventually: true },
        {
          run: 'kubectl describe hpa burner',
          prints: [
            /Deployment pods: +2 current \/ 2 desired/,
            /SuccessfulRescale .*New size: 2; reason: cpu resource utilization/,
          ],
          eventually: true,
        },
      ],
    },
  ],
};
