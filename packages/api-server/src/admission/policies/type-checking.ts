import { apiVersionOf, type KubernetesObject } from '@keelson/api';
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
} from '@keelson/api/admissionregistration/v1';
import { compile, loadCel } from '@keelson/cel';
import type { Registry } from '../../registry/registry.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { AdmissionMutator, AdmissionRequest } from '../admission.ts';
import { KindTypes } from './kind-types.ts';
import { compilePolicy } from './policy-program.ts';

/** No more kinds than these are looked at for one policy. */
const MAX_KINDS = 10;

/**
 * Tells in the status of a ValidatingAdmissionPolicy what its expressions get wrong about the kinds that it names: fields that they do not
 * have, operators that do not fit. That is a warning; when it runs, a policy sees objects without types.
 */
export class PolicyTypeChecking implements AdmissionMutator {
  readonly name = 'ValidatingAdmissionPolicyTypeChecking';
  readonly #registry: Registry;

  constructor({ registry }: { readonly registry: Registry }) {
    this.#registry = registry;
  }

  async mutate({
    object,
    resource,
    subresource,
  }: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    if (
      resource.resource !== 'validatingadmissionpolicies' ||
      resource.group !== 'admissionregistration.k8s.io' ||
      subresource !== ''
    ) {
      return object;
    }
    await loadCel();
    const policy = object as ValidatingAdmissionPolicy;
    const expressionWarnings = this.#warnings(policy);
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
    policy.status = { ...policy.status, observedGeneration: policy.metadata?.generation, typeChecking };
    return policy;
  }

  #warnings({ spec = {} }: ValidatingAdmissionPolicy): ExpressionWarning[] {
    const kinds = this.#kinds(spec.matchConstraints?.resourceRules ?? []);
    const types = new KindTypes();
    const [version = '', group = ''] = (spec.paramKind?.apiVersion ?? '').split('/').toReversed();
    const paramKind = spec.paramKind && this.#registry.findKind(group, version, spec.paramKind.kind ?? '');
    const params = paramKind && types.of(paramKind);
    const worlds = kinds.map((kind) => ({ kind, world: compilePolicy(spec, { object: types.of(kind), params }).world }));
    const expressions = (spec.validations ?? []).flatMap(({ expression, messageExpression }, index) => [
      { fieldRef: `spec.validations[${index}].expression`, text: expression },
      ...(messageExpression ? [{ fieldRef: `spec.validations[${index}].messageExpression`, text: messageExpression }] : []),
    ]);
    return expressions.flatMap(({ fieldRef, text }) => {
      const issues = worlds.flatMap(({ kind, world }) => {
        const compiled = compile(text ?? '', world);
        return 'errors' in compiled ? [`${apiVersionOf(kind)}, Kind=${kind.kind}: ${compiled.errors}\n`] : [];
      });
      return issues.length === 0 ? [] : [{ fieldRef, warning: issues.join('\n') }];
    });
  }

  /** The kinds that rules name; rules that leave something open say of none. */
  #kinds(rules: readonly NamedRuleWithOperations[]): readonly ResourceDefinition[] {
    const found = new Set<ResourceDefinition | undefined>();
    for (const { apiGroups = [], apiVersions = [], resources = [] } of rules) {
      if ([...apiGroups, ...apiVersions].some((each) => each.includes('*'))) continue;
      const named = apiGroups.flatMap((group) => apiVersions.map((version) => [group, version] as const));
      for (const [group, version] of named) {
        for (const resource of resources) found.add(this.#registry.find(group, version, resource));
      }
    }
    const kinds = [...found].filter((each) => each !== undefined);
    const name = ({ group, version, kind }: ResourceDefinition) => `${group} ${version} ${kind}`;
    return kinds.toSorted((one, other) => (name(one) < name(other) ? -1 : 1)).slice(0, MAX_KINDS);
  }
}
