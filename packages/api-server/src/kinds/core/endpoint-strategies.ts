import { isDnsLabel, isDnsSubdomain, isQualifiedName } from '@keelson/api';
import type { Endpoints, EndpointSubset } from '@keelson/api/core/v1';
import type { Endpoint, EndpointSlice } from '@keelson/api/discovery/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkChoice, checkNamed, checkPort, checkText, PROTOCOLS } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { checkIp, checkNonSpecialIp } from '../../validation/ip.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;

export const endpointsStrategy: Strategy<Endpoints> = {
  setDefaults({ subsets }) {
    for (const subset of subsets ?? []) {
      for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
    }
  },
  validate: ({ subsets }) => Field.collect((at) => checkEach(subsets, at, 'subsets', checkSubset)),
  allowCreateOnUpdate: true,
};

function checkSubset(subset: EndpointSubset, at: Field): void {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  if (addresses.length === 0 && notReadyAddresses.length === 0) at.required('must specify `addresses` or `notReadyAddresses`');
  for (const name of ['addresses', 'notReadyAddresses'] as const) {
    checkEach(subset[name], at, name, (address, addressAt) => {
      checkIp(address.ip ?? '', addressAt.child('ip'));
      checkNonSpecialIp(address.ip ?? '', addressAt.child('ip'));
      checkNamed(isDnsLabel, address.hostname, addressAt, 'hostname');
      checkNamed(isDnsSubdomain, address.nodeName, addressAt, 'nodeName');
    });
  }
  checkEach(ports, at, 'ports', (port, portAt) => {
    const name = port.name ?? '';
    if (name !== '') checkText(isDnsLabel, name, portAt.child('name'));
    else if (ports.length > 1) portAt.child('name').required();
    checkPort(port.port ?? 0, portAt.child('port'));
    checkChoice(port.protocol, PROTOCOLS, () => portAt.child('protocol'));
    if (port.appProtocol !== undefined) checkText(isQualifiedName, port.appProtocol, portAt.child('appProtocol'));
  });
}

export const endpointSliceStrategy: Strategy<EndpointSlice> = {
  setDefaults({ ports }) {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: (slice) => Field.collect((at) => checkSlice(slice, at)),
  validateUpdate: (slice, old) =>
    Field.collect((at) => {
      if (slice.addressType !== old.addressType) at.child('addressType').invalid(slice.addressType, 'field is immutable');
    }),
  hasGeneration: true,
  generationChanged: (slice, old) =>
    !sameJson(slice.endpoints, old.endpoints) ||
    !sameJson(slice.ports, old.ports) ||
    !sameJson(slice.metadata?.labels, old.metadata?.labels),
};

function checkSlice(slice: EndpointSlice, at: Field): void {
  const { addressType, endpoints = [], ports = [] } = slice;
  checkChoice(addressType, ADDRESS_TYPES, () => at.child('addressType'));
  if ((endpoints ?? []).length > MAX_ENDPOINTS) return at.child('endpoints').tooMany(endpoints.length, MAX_ENDPOINTS);
  checkEach(endpoints, at, 'endpoints', (endpoint, endpointAt) => checkEndpoint(endpoint, addressType, endpointAt));
  if ((ports ?? []).length > MAX_PORTS) return at.child('ports').tooMany(ports.length, MAX_PORTS);
  const names = new Unique();
  checkEach(ports, at, 'ports', (port, portAt) => {
    const name = port.name ?? '';
    if (name !== '') checkText(isDnsLabel, name, portAt.child('name'));
    if (!names.add(name)) portAt.child('name').duplicate(name);
    checkChoice(port.protocol, PROTOCOLS, () => portAt.child('protocol'));
    if (port.port !== undefined) checkPort(port.port, portAt.child('port'));
    if (port.appProtocol !== undefined) checkText(isQualifiedName, port.appProtocol, portAt.child('appProtocol'));
  });
}

function checkEndpoint(endpoint: Endpoint, addressType: string | undefined, at: Field): void {
  const { addresses = [] } = asSent(endpoint);
  if (addresses.length === 0) at.child('addresses').required('must contain at least 1 address');
  else if (addresses.length > MAX_ADDRESSES) at.child('addresses').tooMany(addresses.length, MAX_ADDRESSES);
  const unique = new Unique();
  checkEach(addresses, at, 'addresses', (address, addressAt) => {
    if (!unique.add(address)) addressAt.duplicate(address);
    checkAddress(address, addressType, addressAt);
  });
  checkNamed(isDnsLabel, endpoint.hostname, at, 'hostname');
  checkNamed(isDnsSubdomain, endpoint.nodeName, at, 'nodeName');
}

function checkAddress(address: string, addressType: string | undefined, at: Field): void {
  if (addressType === 'FQDN') return checkText(isDnsSubdomain, address, at);
  checkIp(address, at);
  if (addressType === 'IPv4' && address.includes(':')) at.invalid(address, 'must be an IPv4 address');
  if (addressType === 'IPv6' && !address.includes(':')) at.invalid(address, 'must be an IPv6 address');
  checkNonSpecialIp(address, at);
}
