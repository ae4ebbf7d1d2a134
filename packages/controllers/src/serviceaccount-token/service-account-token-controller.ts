import { namespaceOf, nameOf, uidOf } from '@keelson/api';
import { Secret, ServiceAccount } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { fromInformer, namespacedName, type Informer, type NamespacedName, type Reconciler } from '@keelson/controller-runtime';
import type { ControllerFactory, ControllerOptions } from '../controller-context.ts';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { reconcilingController } from '../reconciling-controller.ts';

const NAME = 'serviceaccount-token-controller';
const TYPE = 'kubernetes.io/service-account-token';
const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
const ACCOUNT_UID = 'kubernetes.io/service-account.uid';
const CONCURRENCY = 5;

/** Makes tokens that are kept in Secrets, and that do not run out. */
export interface LegacyTokenIssuer {
  issue(subject: {
    readonly namespace: string;
    readonly serviceAccount: { readonly name: string; readonly uid: string };
    /** The name of the Secret. */
    readonly secret: string;
  }): Promise<string>;
}

interface Dependencies {
  readonly client: Client;
  /** Those of the type alone. */
  readonly secrets: Informer<Secret>;
  readonly serviceAccounts: Informer<ServiceAccount>;
  readonly rootCa: string;
  readonly legacyTokens: LegacyTokenIssuer;
}

/** Gives token Secrets what belongs in them, and deletes those whose account is gone. */
class TokenSecrets implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name, namespace }: NamespacedName): Promise<void> {
    const secret = this.#dependencies.secrets.get(name, namespace);
    if (!secret || accountName(secret) === '' || secret.metadata?.deletionTimestamp !== undefined) return;
    try {
      const account = await this.#accountOf(secret);
      if (account) await this.#fill(secret, account);
      else await this.#delete(secret);
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isNamespaceTerminating(error)) throw error;
    }
  }

  /** The server is asked before anything is deleted: an account and its Secret are often made at the same time. */
  async #accountOf(secret: Secret): Promise<ServiceAccount | undefined> {
    const { client, serviceAccounts } = this.#dependencies;
    const where = { name: accountName(secret), namespace: namespaceOf(secret) };
    const known = serviceAccounts.get(where.name, where.namespace);
    if (known && isAccountOf(known, secret)) return known;
    const current = await client.resource(ServiceAccount).find(where);
    return current && isAccountOf(current, secret) ? current : undefined;
  }

  async #fill(secret: Secret, account: ServiceAccount): Promise<void> {
    const { client, rootCa } = this.#dependencies;
    const { data = {}, metadata } = secret;
    const namespace = namespaceOf(secret);
    const ca = base64(rootCa);
    const missing = {
      ...(!data['token'] && { token: base64(await this.#issue(secret, account)) }),
      ...(rootCa !== '' && data['ca.crt'] !== ca && { 'ca.crt': ca }),
      ...(!data['namespace'] && { namespace: base64(namespace) }),
    };
    const uid = uidOf(account);
    if (Object.keys(missing).length === 0 && metadata?.annotations?.[ACCOUNT_UID] === uid) return;
    await client.resource(Secret).update({
      ...secret,
      metadata: { ...metadata, annotations: { ...metadata?.annotations, [ACCOUNT_UID]: uid } },
      data: { ...data, ...missing },
    });
  }

  #issue(secret: Secret, account: ServiceAccount): Promise<string> {
    const serviceAccount = { name: nameOf(account), uid: uidOf(account) };
    return this.#dependencies.legacyTokens.issue({ namespace: namespaceOf(secret), serviceAccount, secret: nameOf(secret) });
  }

  async #delete(secret: Secret): Promise<void> {
    const { resourceVersion } = secret.metadata ?? {};
    const preconditions = { uid: uidOf(secret), ...(resourceVersion !== undefined && { resourceVersion }) };
    await this.#dependencies.client.resource(Secret).delete(namespacedName(secret), { preconditions });
  }
}

function accountName({ metadata }: Secret): string {
  return metadata?.annotations?.[ACCOUNT_NAME] ?? '';
}

/** A Secret that names no uid yet takes the account that is there. */
function isAccountOf(account: ServiceAccount, { metadata }: Secret): boolean {
  const wanted = metadata?.annotations?.[ACCOUNT_UID] ?? '';
  return wanted === '' || wanted === account.metadata?.uid;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** `serviceaccount-token-controller`: Secrets with tokens that do not run out, for who still needs them. */
export function serviceAccountTokenController(
  options: Pick<ControllerOptions, 'rootCa'> & Required<Pick<ControllerOptions, 'legacyTokens'>>,
): ControllerFactory {
  return (context) => {
    const { client, informers } = context;
    const secrets = informers.for(Secret, { fieldSelector: `type=${TYPE}` });
    const serviceAccounts = informers.for(ServiceAccount);
    const secretsOf = (account: ServiceAccount) =>
      secrets
        .list(namespaceOf(account))
        .filter((secret) => accountName(secret) === nameOf(account))
        .map(namespacedName);
    const reconciler = new TokenSecrets({ client, secrets, serviceAccounts, ...options });
    const sources = [fromInformer(secrets), fromInformer(serviceAccounts, secretsOf, ({ type }) => type !== 'updated')];
    return reconcilingController(context, { name: NAME, reconciler, sources }, { concurrency: CONCURRENCY });
  };
}
