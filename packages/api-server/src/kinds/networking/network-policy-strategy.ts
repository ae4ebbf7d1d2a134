import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '@keelson/api/networking/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkOptionalChoice, checkPort, checkPortNumberOrName, checkPresent, PROTOCOLS } from '../../validation/checks.ts';
import { checkEach, Field } from '../../validation/field.ts';
import { checkCidr, isCidr, isStrictlyWithin } from '../../validation/ip.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { networkPolicyWarnings } from '../warnings/service-warnings.ts';

/** A spec whose list of types is a list. */
type Policy = Omit<NetworkPolicy, 'spec'> & {
  spec?: (Omit<NonNullable<NetworkPolicy['spec']>, 'policyTypes'> & { policyTypes?: string[] | undefined }) | undefined;
};

export const networkPolicyStrategy: Strategy<Policy> = {
  warnings: networkPolicyWarnings,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    }
    if ((spec.policyTypes ?? []).length === 0)
      spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkLabelSelector(spec?.podSelector, at.child('podSelector'));
      checkEach(spec?.ingress, at, 'ingress', (rule, ruleAt) => {
        checkEach(rule.ports, ruleAt, 'ports', checkPolicyPort);
        checkEach(rule.from, ruleAt, 'from', checkPeer);
      });
      checkEach(spec?.egress, at, 'egress', (rule, ruleAt) => {
        checkEach(rule.ports, ruleAt, 'ports', checkPolicyPort);
        checkEach(rule.to, ruleAt, 'to', checkPeer);
      });
      const types = spec?.policyTypes ?? [];
      if (types.length > 2) at.child('policyTypes').invalid(types, 'may not specify more than two policyTypes');
      checkEach(types, at, 'policyTypes', (type, typeAt) => {
        if (type !== 'Ingress' && type !== 'Egress') typeAt.notSupported(type, ['Ingress', 'Egress']);
      });
    }),
  hasGeneration: true,
};

function checkPolicyPort({ protocol, port, endPort }: NetworkPolicyPort, at: Field): void {
  checkOptionalChoice(protocol, PROTOCOLS, () => at.child('protocol'));
  if (port !== undefined) checkPortNumberOrName(port, at.child('port'));
  if (endPort === undefined) return;
  if (port === undefined) return at.child('endPort').invalid(endPort, 'may not be specified when `port` is not specified');
  if (typeof port === 'string') return at.child('endPort').invalid(endPort, 'may not be specified when `port` is non-numeric');
  if (endPort < port) at.child('endPort').invalid(endPort, 'must be greater than or equal to `port`');
  else checkPort(endPort, at.child('endPort'));
}

function checkPeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, at: Field): void {
  checkLabelSelector(podSelector, at.child('podSelector'));
  checkLabelSelector(namespaceSelector, at.child('namespaceSelector'));
  if (ipBlock === undefined) {
    if (podSelector === undefined && namespaceSelector === undefined) at.required('must specify a peer');
    return;
  }
  if (podSelector !== undefined || namespaceSelector !== undefined) at.forbidden('may not specify both ipBlock and another peer');
  const blockAt = at.child('ipBlock');
  const { cidr: whole } = ipBlock;
  if (checkPresent(whole, blockAt, 'cidr')) checkCidr(whole, blockAt.child('cidr'));
  checkEach(ipBlock.except, blockAt, 'except', (cidr, exceptAt) => {
    checkCidr(cidr, exceptAt);
    if (isCidr(cidr) && isCidr(whole ?? '') && !isStrictlyWithin(cidr, whole ?? ''))
      exceptAt.invalid(cidr, 'must be a strict subset of `cidr`');
  });
}
