import type { NetworkPolicy } from '@keelson/api/networking/v1';
import type { Service } from '@keelson/api/core/v1';
import { checkEach, Field } from '../../validation/field.ts';
import { cidrWarnings, ipWarnings } from './addresses.ts';

const HINTS_ANNOTATION = 'service.kubernetes.io/topology-aware-hints';

export function serviceWarnings({ metadata, spec = {} }: Service): readonly string[] {
  const warnings: string[] = [];
  const at = Field.root([], 'spec');
  const { type, clusterIP, externalIPs = [], loadBalancerIP = '', sessionAffinity, externalName = '' } = spec;
  const isHeadless = type === 'ClusterIP' && clusterIP === 'None';
  if (metadata?.annotations?.[HINTS_ANNOTATION] !== undefined)
    warnings.push(`annotation ${HINTS_ANNOTATION} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  checkEach(spec.clusterIPs, at, 'clusterIPs', (ip, place) => void warnings.push(...ipWarnings(ip, place)));
  if (isHeadless) {
    if (loadBalancerIP !== '') warnings.push('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length > 0) warnings.push('spec.externalIPs is ignored for headless services');
    if (sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  }
  checkEach(externalIPs, at, 'externalIPs', (ip, place) => void warnings.push(...ipWarnings(ip, place)));
  if (externalIPs.length > 0 && !isHeadless && type !== 'ExternalName')
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (loadBalancerIP !== '') warnings.push(...ipWarnings(loadBalancerIP, at.child('loadBalancerIP')));
  checkEach(
    spec.loadBalancerSourceRanges,
    at,
    'loadBalancerSourceRanges',
    (cidr, place) => void warnings.push(...cidrWarnings(cidr, place)),
  );
  if (type === 'ExternalName' && externalIPs.length > 0)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== 'ExternalName' && externalName !== '')
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (spec.trafficDistribution === 'PreferClose')
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  return warnings;
}

export function networkPolicyWarnings({ spec }: Pick<NetworkPolicy, 'spec'>): readonly string[] {
  const warnings: string[] = [];
  const at = Field.root([], 'spec');
  const look = (
    peers: NonNullable<NonNullable<NetworkPolicy['spec']>['ingress']>[number]['from'],
    place: Field,
    list: string,
  ): void =>
    checkEach(peers, place, list, ({ ipBlock }, peerAt) => {
      if (ipBlock === undefined) return;
      const blockAt = peerAt.child('ipBlock');
      warnings.push(...cidrWarnings(ipBlock.cidr ?? '', blockAt.child('cidr')));
      checkEach(ipBlock.except, blockAt, 'except', (cidr, cidrAt) => void warnings.push(...cidrWarnings(cidr, cidrAt)));
    });
  checkEach(spec?.ingress, at, 'ingress', ({ from }, place) => look(from, place, 'from'));
  checkEach(spec?.egress, at, 'egress', ({ to }, place) => look(to, place, 'to'));
  return warnings;
}
