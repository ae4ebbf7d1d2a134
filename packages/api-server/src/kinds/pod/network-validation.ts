import { isDnsLabel, isDnsSubdomain } from '@keelson/api';
import type { PodSpec } from '@keelson/api/core/v1';
import { checkChoice, checkNamed, checkText } from '../../validation/checks.ts';
import { checkEach, type Field } from '../../validation/field.ts';
import { checkIp } from '../../validation/ip.ts';

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARACTERS = 2048;

/** Host name, DNS and hosts file of a pod. */
export function checkPodNetwork(spec: PodSpec, at: Field): void {
  checkChoice(spec.dnsPolicy, DNS_POLICIES, () => at.child('dnsPolicy'));
  checkDnsConfig(spec, at);
  checkNamed(isDnsLabel, spec.hostname, at, 'hostname');
  checkNamed(isDnsLabel, spec.subdomain, at, 'subdomain');
  if (spec.hostnameOverride !== undefined) checkHostnameOverride(spec, at.child('hostnameOverride'));
  checkEach(spec.hostAliases, at, 'hostAliases', (alias, aliasAt) => {
    checkIp(alias.ip ?? '', aliasAt.child('ip'));
    for (const hostname of alias.hostnames ?? []) checkText(isDnsSubdomain, hostname, aliasAt.child('hostnames'));
  });
}

function checkHostnameOverride(spec: PodSpec, at: Field): void {
  const override = spec.hostnameOverride ?? '';
  checkText(isDnsSubdomain, override, at);
  if (override.length > 64) at.tooLong(64);
  if (spec.setHostnameAsFQDN === true) at.forbidden('must not be set when setHostnameAsFQDN is true');
  if (spec.hostNetwork === true) at.forbidden('must not be set when hostNetwork is true');
}

function checkDnsConfig(spec: PodSpec, parent: Field): void {
  const { dnsConfig, dnsPolicy } = spec;
  const at = parent.child('dnsConfig');
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) return at.required('must provide `dnsConfig` when `dnsPolicy` is None');
    if ((dnsConfig.nameservers ?? []).length === 0)
      at.child('nameservers').required('must provide at least one DNS nameserver when `dnsPolicy` is None');
  }
  if (dnsConfig === undefined) return;
  const { nameservers = [], searches = [] } = dnsConfig;
  if (nameservers.length > MAX_NAMESERVERS)
    at.child('nameservers').invalid(nameservers, `must not have more than ${MAX_NAMESERVERS} nameservers`);
  checkEach(nameservers, at, 'nameservers', checkIp);
  checkSearches(searches, at.child('searches'));
  checkEach(dnsConfig.options, at, 'options', (option, optionAt) => {
    if ((option.name ?? '') === '') optionAt.required('must not be empty');
  });
}

function checkSearches(searches: readonly string[], at: Field): void {
  if (searches.length > MAX_SEARCHES) at.invalid(searches, `must not have more than ${MAX_SEARCHES} search paths`);
  if (searches.join(' ').length > MAX_SEARCH_CHARACTERS) {
    at.invalid(searches, `must not have more than ${MAX_SEARCH_CHARACTERS} characters (including spaces) in the search list`);
  }
  for (const [position, search] of searches.entries()) {
    if (search === '.') continue;
    checkText(isSearchDomain, search.endsWith('.') ? search.slice(0, -1) : search, at.index(position));
  }
}

const UNDERSCORED = /^_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/;

/** A subdomain whose labels may have underscores, as those of SRV records do. */
function isSearchDomain(text: string): readonly string[] {
  return UNDERSCORED.test(text) ? [] : isDnsSubdomain(text);
}
