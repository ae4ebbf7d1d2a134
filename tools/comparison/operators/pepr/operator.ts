import { a, Capability, K8s, kind, RegisterKind, sdk } from 'pepr';

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export class Greeting extends a.GenericKind {
  declare spec: { text: string };
  declare status?: { observedGeneration?: number; conditions?: Condition[] };
}
RegisterKind(Greeting, { group: 'example.com', version: 'v1', kind: 'Greeting', plural: 'greetings' });

const OWNED = 'example.com/greeting';

/** Keeps a ConfigMap of the same name for each Greeting. */
export const greetings = new Capability({ name: 'greetings', description: 'ConfigMaps of Greetings', namespaces: [] });
const { When } = greetings;

When(Greeting).IsCreatedOrUpdated().Reconcile(reconcile);
When(a.ConfigMap).IsUpdated().WithLabel(OWNED).Reconcile(reconcileOwner);
When(a.ConfigMap).IsDeleted().WithLabel(OWNED).Reconcile(reconcileOwner);

async function reconcileOwner({ metadata }: a.ConfigMap): Promise<void> {
  const greeting = await K8s(Greeting)
    .InNamespace(metadata?.namespace ?? '')
    .Get(metadata?.name ?? '')
    .catch((error: { status?: number }) => {
      if (error.status === 404) return undefined;
      throw error;
    });
  if (greeting) await reconcile(greeting);
}

async function reconcile(greeting: Greeting): Promise<void> {
  const { name = '', namespace = '', generation = 0, deletionTimestamp } = greeting.metadata ?? {};
  if (deletionTimestamp) return;
  const ownerReferences = sdk.getOwnerRefFrom(greeting, true, true);
  const metadata = { name, namespace, labels: { [OWNED]: 'true' }, ownerReferences };
  await K8s(kind.ConfigMap).Apply({ metadata, data: { text: greeting.spec.text } }, { force: true });
  const old = greeting.status?.conditions?.find(({ type }) => type === 'Ready');
  if (greeting.status?.observedGeneration === generation && old?.status === 'True') return;
  const lastTransitionTime = old?.status === 'True' ? old.lastTransitionTime : new Date().toISOString();
  const ready = { type: 'Ready', status: 'True', reason: 'Applied', message: '', lastTransitionTime };
  const others = (greeting.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  await K8s(Greeting).PatchStatus({
    metadata: { name, namespace },
    spec: greeting.spec,
    status: { observedGeneration: generation, conditions: [...others, ready] },
  });
}
