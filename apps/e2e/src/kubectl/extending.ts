import type { CaseTable } from '../testing/shell-case.ts';

/** Each case has a group of its own. */
const DEFINE = 'sed "s/GROUP/$NS.example.com/" crontabs.yaml | kubectl apply -f -';
const ESTABLISHED = 'kubectl wait --for=condition=Established "crd/crontabs.$NS.example.com" --timeout=180s';
const CREATE = 'sed "s/GROUP/$NS.example.com/" crontab.yaml | kubectl apply -f -';
const UNDEFINE = 'kubectl delete crd "crontabs.$NS.example.com"';
const KIND = '"crontabs.$NS.example.com"';
const BEGIN = [
  { run: DEFINE, prints: 'created' },
  { run: ESTABLISHED, prints: 'condition met' },
] as const;

const BOATS = {
  run: 'sed -i "s/GROUP/$NS.example.org/" boats.yaml boat.yaml && kubectl apply -f boats.yaml && kubectl wait --for=condition=Established crd/boats.$NS.example.org --timeout=180s',
  prints: ['created', 'condition met'],
} as const;
const BOATS_GONE = { run: 'kubectl delete -f boats.yaml --timeout=180s', prints: 'deleted' } as const;

/** Kinds that users define. */
export const EXTENDING: CaseTable = {
  'custom resources': [
    {
      title: 'are defined, shown in their columns and categories, explained, and gone with their definition',
      steps: [
        ...BEGIN,
        { run: CREATE, prints: 'created' },
        { run: `kubectl get ${KIND}`, prints: /^NAME +SPEC +REPLICAS +AGE\nmy-cron +\* \* \* \* \*\/5 +1 +\d+s\n$/ },
        { run: `kubectl get ${KIND} -o wide`, prints: /NAME +SPEC +REPLICAS +IMAGE +AGE/ },
        { run: 'kubectl get all -o name', prints: '.example.com/my-cron' },
        {
          run: 'kubectl api-resources --api-group="$NS.example.com" --no-headers -o wide',
          prints: ['crontabs', 'CronTab', 'watch'],
        },
        {
          run: 'kubectl explain crontab.spec --api-version="$NS.example.com/v1"',
          prints: ['What is wanted.', 'cronSpec', 'When.'],
        },
        { run: `kubectl describe ${KIND} my-cron`, prints: ['Kind:         CronTab', 'Cron Spec:'] },
        { run: UNDEFINE, prints: 'deleted' },
        { run: `kubectl get ${KIND} my-cron`, code: 1, complains: /the server (doesn't have a resource type|could not find)/ },
      ],
    },
    {
      title: 'are refused in the words of their schema and its rules',
      steps: [
        ...BEGIN,
        { run: CREATE },
        {
          run: `kubectl patch ${KIND} my-cron --type=merge -p '{"spec":{"replicas":11}}'`,
          code: 1,
          complains: 'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10',
        },
        { run: `kubectl patch ${KIND} my-cron --type=merge -p '{"spec":{"image":"bad"}}'`, code: 1, complains: 'bad image' },
        { run: `kubectl patch ${KIND} my-cron -p '{"spec":{"replicas":2}}'`, code: 1 },
        {
          run: `kubectl patch ${KIND} my-cron --type=json -p '[{"op":"remove","path":"/spec/cronSpec"}]'`,
          code: 1,
          complains: 'spec.cronSpec: Required value',
        },
        { run: `${CREATE.replace(' |', ' | sed "s/image:/images:/" |')}`, code: 1, complains: 'images' },
        { run: UNDEFINE },
      ],
    },
    {
      title: 'are scaled, applied, changed and watched as built-in ones are',
      steps: [
        ...BEGIN,
        { run: CREATE },
        { run: `kubectl scale ${KIND} my-cron --replicas=5`, prints: 'scaled' },
        { run: `kubectl get ${KIND} my-cron -o jsonpath='{.spec.replicas} {.metadata.generation}'`, prints: '5 2' },
        { run: CREATE, prints: 'unchanged' },
        { run: `kubectl label ${KIND} my-cron x=y && kubectl annotate ${KIND} my-cron a=b`, prints: 'labeled' },
        { run: `kubectl get ${KIND} -l x=y --field-selector spec.image=nginx -o name`, prints: 'my-cron' },
        { run: `kubectl get ${KIND} --watch --request-timeout=5s`, prints: 'my-cron' },
        { run: `${CREATE.replace('apply', 'replace')}`, prints: 'replaced' },
        { run: `kubectl delete ${KIND} my-cron`, prints: 'deleted' },
        { run: UNDEFINE },
      ],
    },
    {
      title: 'have a status of their own',
      only: '1.35',
      steps: [
        BOATS,
        { run: 'kubectl apply -f boat.yaml' },
        {
          run: `kubectl patch boat ketch --subresource=status --type=merge -p '{"status":{"conditions":[{"type":"Afloat","status":"True"}]},"spec":{"sails":1}}'`,
          prints: 'patched',
        },
        { run: 'kubectl wait --for=condition=Afloat boat/ketch --timeout=180s', prints: 'condition met' },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.sails} {.metadata.generation}'`, prints: '2 1' },
        BOATS_GONE,
      ],
    },
    {
      title: 'are applied on the server, item by item of their lists',
      steps: [
        BOATS,
        { run: 'kubectl apply --server-side -f boat.yaml', prints: 'serverside-applied' },
        {
          run: 'sed -e "s/tons: 3/tons: 4/" -e /salt/d boat.yaml | kubectl apply --server-side --field-manager=other -f -',
          code: 1,
          complains: '.spec.cargo[name="tea"].tons',
        },
        {
          run: 'sed -e "s/salt/iron/" -e /tea/d boat.yaml | kubectl apply --server-side --field-manager=other -f -',
          prints: 'serverside-applied',
        },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.cargo[*].name}'`, prints: 'tea salt iron' },
        { run: 'sed -e /salt/d boat.yaml | kubectl apply --server-side -f -', prints: 'serverside-applied' },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.cargo[*].name}'`, prints: /^tea iron$/ },
        BOATS_GONE,
      ],
    },
  ],
};
