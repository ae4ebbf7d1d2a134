import type { CaseTable } from '../testing/shell-case.ts';

const DEFINED = {
  run: 'sed -i "s/GROUP/$NS.example.org/" crd.yaml boat.yaml && kubectl apply -f crd.yaml && kubectl wait --for=condition=Established crd/boats.$NS.example.org --timeout=60s',
  prints: ['created', 'condition met'],
} as const;
const GONE = { run: 'kubectl delete -f crd.yaml --timeout=60s', prints: 'deleted' } as const;

/** Custom resources, whose kind is of the case's own. */
export const CUSTOM: CaseTable = {
  'custom resources': [
    {
      title: 'are kinds like others: discovered, explained, shown in columns, found by fields',
      steps: [
        DEFINED,
        { run: 'kubectl apply -f boat.yaml', prints: /^boat\.\S+\/ketch created\n$/ },
        { run: 'kubectl apply -f boat.yaml', prints: 'unchanged' },
        { run: 'kubectl api-resources --api-group=$NS.example.org', prints: /boats +bt +\S+example.org\/v1 +true +Boat/ },
        { run: 'kubectl explain boat.spec.sails', prints: ['<integer>', 'How many sails it has.'] },
        { run: 'kubectl get boats', prints: /^NAME +SAILS\nketch +2\n$/ },
        { run: 'kubectl get bt -o wide', prints: /SAILS +PORT\nketch +2 +here\n/ },
        { run: 'kubectl get ships -l colour=white -o name', prints: '/ketch\n' },
        { run: 'kubectl get boats --field-selector=spec.port=here -o name', prints: '/ketch\n' },
        { run: 'kubectl get boats --field-selector=spec.port=there -o name', prints: /^$/ },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.crew} {.metadata.generation}'`, prints: '3 1' },
        { run: 'kubectl describe boat ketch', prints: [/Kind: +Boat/, /Sails: +2/] },
        GONE,
        {
          run: 'kubectl get boats',
          code: 1,
          complains: /the server (doesn't have a resource type|could not find the requested resource)/,
        },
      ],
    },
    {
      title: 'are changed, scaled, judged and waited for',
      steps: [
        DEFINED,
        { run: 'kubectl apply -f boat.yaml && kubectl diff -f boat.yaml' },
        { run: 'kubectl scale boat ketch --replicas=5', prints: 'scaled' },
        { run: 'kubectl scale boat ketch --replicas=1', code: 1, complains: 'too few hands' },
        {
          run: `kubectl patch boat ketch --type=merge -p '{"spec":{"sails":0}}'`,
          code: 1,
          complains: /spec.sails.* should be greater than or equal to 1/,
        },
        { run: `kubectl patch boat ketch --type=json -p '[{"op":"replace","path":"/spec/sails","value":3}]'`, prints: 'patched' },
        { run: `EDITOR=./editor EDIT='s/port: here/port: there/' kubectl edit boat ketch`, prints: 'edited' },
        { run: 'sed "s/sails/sailz/" boat.yaml | kubectl create -f -', code: 1, complains: /sailz|sails/ },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.sails} {.spec.crew} {.spec.port}'`, prints: '3 5 there' },
        {
          run: 'kubectl label boat ketch colour=red --overwrite && kubectl annotate boats --all note=x',
          prints: ['labeled', 'annotated'],
        },
        { run: 'kubectl delete boat ketch', prints: 'deleted' },
        GONE,
      ],
    },
    {
      title: 'have a status of their own',
      only: '1.35',
      steps: [
        DEFINED,
        { run: 'kubectl apply -f boat.yaml' },
        {
          run: `kubectl patch boat ketch --subresource=status --type=merge -p '{"status":{"conditions":[{"type":"Afloat","status":"True"}]},"spec":{"sails":1}}'`,
          prints: 'patched',
        },
        { run: 'kubectl wait --for=condition=Afloat boat/ketch --timeout=60s', prints: 'condition met' },
        { run: `kubectl get boat ketch -o jsonpath='{.spec.sails} {.metadata.generation}'`, prints: '2 1' },
        GONE,
      ],
    },
    {
      title: 'are applied on the server, item by item of their lists',
      steps: [
        DEFINED,
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
        GONE,
      ],
    },
  ],
};
