import { isDnsSubdomain, isPathSegmentName, addressOf, addressText, familyOf } from '@keelson/api';
import type { IPAddress, ParentReference, ServiceCIDR } from '@keelson/api/networking/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkNamed, checkPathSegment, FIXED } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { checkCidr, isCidr, isIpAddress } from '../../validation/ip.ts';

export const ipAddressStrategy: Strategy<IPAddress> = {
  validate: ({ spec }) => Field.collect((at) => checkParent(spec?.parentRef, at.child('spec'))),
  validateCreate: ({ metadata }) =>
    Field.collect((at) => {
      const name = metadata?.name ?? '';
      if (!isIpAddress(name))
        at.child('metadata').child('name').invalid(name, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
      else if (addressText(addressOf(name)) !== name)
        at.child('metadata')
          .child('name')
          .invalid(name, `must be in canonical form ("${addressText(addressOf(name))}")`);
    }),
  validateUpdate: ({ spec }, old) =>
    Field.collect((root) => {
      const { group = '', resource = '', namespace = '', name = '' } = spec?.parentRef ?? {};
      if (!sameJson(spec?.parentRef, old.spec?.parentRef))
        root
          .child('spec')
          .child('parentRef')
          .invalid({ Group: group, Resource: resource, Namespace: namespace, Name: name }, FIXED);
    }),
  // Names are addresses, IPv6 ones with colons.
  nameRule: 'path-segment',
  hasGeneration: false,
};

function checkParent(parent: ParentReference | undefined, spec: Field): void {
  const at = spec.child('parentRef');
  if (parent === undefined) return at.required();
  checkNamed(isDnsSubdomain, parent.group, at, 'group');
  checkPathSegment(parent.resource, at, 'resource');
  checkPathSegment(parent.name, at, 'name');
  checkNamed(isPathSegmentName, parent.namespace, at, 'namespace');
}

export const serviceCidrStrategy: Strategy<ServiceCIDR> = {
  prepareForCreate: (range) => void (range.status = {}),
  validate: ({ spec }) => Field.collect((at) => checkCidrs(spec?.cidrs ?? [], at.child('spec').child('cidrs'))),
  validateUpdate: ({ spec }, old) =>
    Field.collect((at) => checkCidrsUpdate(spec?.cidrs ?? [], old.spec?.cidrs ?? [], at.child('spec').child('cidrs'))),
  hasGeneration: false,
};

function checkCidrs(cidrs: readonly string[], at: Field): void {
  if (cidrs.length === 0) return at.required('at least one CIDR required');
  if (cidrs.length > 2) return at.invalid({ CIDRs: cidrs }, 'may only hold up to 2 values');
  const isDual = cidrs.every(isCidr) && new Set(cidrs.map(familyOf)).size === 2;
  if (cidrs.length === 2 && !isDual)
    return at.invalid(
      { CIDRs: cidrs },
      'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    );
  for (const [position, cidr] of cidrs.entries()) checkCidr(cidr, at.index(position));
}

/** A range of one family may get one of the other. */
function checkCidrsUpdate(cidrs: readonly string[], old: readonly string[], at: Field): void {
  const isMore = old.length === 1 && cidrs.length === 2;
  if (cidrs.length !== old.length && !isMore) return at.invalid(cidrs, FIXED);
  for (const [position, cidr] of old.entries()) {
    if (cidrs[position] !== cidr) at.index(position).invalid(cidrs[position], FIXED);
  }
}
