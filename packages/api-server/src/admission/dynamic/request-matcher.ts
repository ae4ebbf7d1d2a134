import { labelSelectorFrom, LabelSelectorMatcher } from '@keelson/api';
import type { LabelSelector } from '@keelson/api/meta/v1';
import type { Namespace } from '@keelson/api/core/v1';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { Services } from '../../verbs/call.ts';
import type { AdmissionRequest } from '../admission.ts';
import { ruleMatches, type RequestRule, type RuledRequest } from './request-rules.ts';

type Sources = Pick<Services, 'registry' | 'storages'>;
type Labels = Readonly<Record<string, string>>;

/** What webhooks and policies say of the requests that they are about. */
export interface Match {
  readonly rules?: readonly RequestRule[] | undefined;
  readonly excludedRules?: readonly RequestRule[] | undefined;
  readonly matchPolicy?: string | undefined;
  readonly namespaceSelector?: LabelSelector | undefined;
  readonly objectSelector?: LabelSelector | undefined;
}

const CONFIGURATIONS = 'admissionregistration.k8s.io';
const EVERYTHING = new LabelSelectorMatcher([]);

/** Finds out whether a request is one that a webhook or policy is about. */
export class RequestMatcher {
  readonly #sources: Sources;
  /** Selectors by their JSON: the same few are asked for with each request. */
  readonly #selectors = new WeakMap<LabelSelector, LabelSelectorMatcher>();
  #equivalents = new Map<ResourceDefinition, readonly ResourceDefinition[]>();
  #generation = -1;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** Those who judge are not judged themselves: nobody could ever get rid of one that refuses everything. */
  isExempt({ resource: { group, resource } }: AdmissionRequest): boolean {
    return (
      group === CONFIGURATIONS && /^(validating|mutating)(webhookconfigurations|admissionpolic(ies|ybindings))$/.test(resource)
    );
  }

  /** The version of the kind in which the request is seen; `undefined` if it is not meant. */
  async match(request: AdmissionRequest, match: Match): Promise<ResourceDefinition | undefined> {
    const own = this.#definition(request);
    if (!own) return undefined;
    if (match.excludedRules && this.#find(request, { own, rules: match.excludedRules, policy: match.matchPolicy }))
      return undefined;
    const found = match.rules ? this.#find(request, { own, rules: match.rules, policy: match.matchPolicy }) : own;
    if (!found || !this.#matchesObject(request, match.objectSelector)) return undefined;
    return (await this.#matchesNamespace(request, match.namespaceSelector)) ? found : undefined;
  }

  /** The namespace of a request; `undefined` for what is in none, and for one that is not there. */
  async namespaceOf({ namespace, resource }: AdmissionRequest): Promise<Readonly<Namespace> | undefined> {
    if (namespace === '' || (resource.group === '' && resource.resource === 'namespaces')) return undefined;
    const definition = this.#sources.registry.find('', 'v1', 'namespaces');
    const storage = definition && this.#sources.storages.of(definition);
    const item = (await storage?.cached(undefined, namespace)) ?? (await storage?.current(undefined, namespace));
    return item?.object() as Readonly<Namespace> | undefined;
  }

  #definition({ resource: { group, version, resource } }: AdmissionRequest): ResourceDefinition | undefined {
    return this.#sources.registry.find(group, version, resource);
  }

  #find(
    request: AdmissionRequest,
    { own, rules, policy }: { own: ResourceDefinition; rules: readonly RequestRule[]; policy: string | undefined },
  ): ResourceDefinition | undefined {
    const fits = (definition: ResourceDefinition) => rules.some((rule) => ruleMatches(rule, ruled(request, definition)));
    if (fits(own)) return own;
    return policy === 'Exact' ? undefined : this.#equivalentsOf(own).find(fits);
  }

  /** Other versions of the same objects. */
  #equivalentsOf(definition: ResourceDefinition): readonly ResourceDefinition[] {
    const { registry } = this.#sources;
    if (registry.generation !== this.#generation) {
      this.#equivalents = new Map();
      this.#generation = registry.generation;
    }
    const known = this.#equivalents.get(definition);
    if (known) return known;
    const prefix = definition.storage?.prefix;
    const found =
      prefix === undefined ? [] : registry.all().filter((each) => each !== definition && each.storage?.prefix === prefix);
    this.#equivalents.set(definition, found);
    return found;
  }

  #matchesObject({ object, oldObject }: AdmissionRequest, selector: LabelSelector | undefined): boolean {
    const matcher = this.#selector(selector);
    if (matcher.isEmpty) return true;
    return [object, oldObject].some((each) => each !== undefined && matcher.matches(labelsOf(each)));
  }

  async #matchesNamespace(request: AdmissionRequest, selector: LabelSelector | undefined): Promise<boolean> {
    const matcher = this.#selector(selector);
    if (matcher.isEmpty) return true;
    const { resource, object, oldObject, namespace } = request;
    if (resource.group === '' && resource.resource === 'namespaces') return matcher.matches(labelsOf(object ?? oldObject ?? {}));
    if (namespace === '') return true;
    return matcher.matches(labelsOf((await this.namespaceOf(request)) ?? {}));
  }

  #selector(selector: LabelSelector | undefined): LabelSelectorMatcher {
    if (!selector) return EVERYTHING;
    const known = this.#selectors.get(selector);
    if (known) return known;
    const made = labelSelectorFrom(selector);
    this.#selectors.set(selector, made);
    return made;
  }
}

function labelsOf(object: { readonly metadata?: { readonly labels?: Labels | undefined } | undefined }): Labels {
  return object.metadata?.labels ?? {};
}

function ruled(request: AdmissionRequest, { group, version, resource, namespaced }: ResourceDefinition): RuledRequest {
  const { subresource, operation, name } = request;
  return { group, version, resource, subresource, operation, namespaced, name };
}
