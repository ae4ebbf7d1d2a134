import { isConfigMapKey } from '@keelson/api';
import type { ConfigMap, Secret, ServiceAccount } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { secretWarnings, serviceAccountWarnings } from '../warnings/config-warnings.ts';

const MAX_BYTES = 1024 * 1024;
const FROZEN = 'field is immutable when `immutable` is set';
const REDACTED = '<secret contents redacted>';

export const configMapStrategy: Strategy<ConfigMap> = {
  validate: (map) =>
    Field.collect((at) => {
      let sizeBytes = 0;
      for (const key in map.data) {
        checkKey(key, at.child('data'));
        if (map.binaryData?.[key] !== undefined) at.child('data').key(key).invalid(key, 'duplicate of key present in binaryData');
        sizeBytes += Buffer.byteLength(map.data[key] ?? '');
      }
      for (const key in map.binaryData) {
        checkKey(key, at.child('binaryData'));
        if (map.data?.[key] !== undefined) at.child('binaryData').key(key).invalid(key, 'duplicate of key present in data');
        sizeBytes += decodedBytes(map.binaryData[key] ?? '');
      }
      if (sizeBytes > MAX_BYTES) at.child('[]').tooLong(MAX_BYTES);
    }),
  validateUpdate: (map, old) => Field.collect((at) => checkFrozen(map, old, ['data', 'binaryData'], at)),
};

interface Freezable {
  readonly immutable?: boolean | undefined;
  readonly data?: unknown;
  readonly binaryData?: unknown;
}

function checkFrozen(object: Freezable, old: Freezable, parts: readonly ('data' | 'binaryData')[], at: Field): void {
  if (old.immutable !== true) return;
  if (object.immutable !== true) at.child('immutable').forbidden(FROZEN);
  for (const part of parts) {
    if (!sameJson(object[part] ?? {}, old[part] ?? {})) at.child(part).forbidden(FROZEN);
  }
}

function checkKey(key: string, parent: Field): void {
  for (const message of isConfigMapKey(key)) parent.key(key).invalid(key, message);
}

/** How many bytes a base64 text stands for. */
function decodedBytes(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}

export const secretStrategy: Strategy<Secret> = {
  warnings: secretWarnings,
  setDefaults(secret) {
    secret.type ||= 'Opaque';
    if (secret.stringData === undefined) return;
    secret.data ??= {};
    for (const key in secret.stringData) secret.data[key] = Buffer.from(secret.stringData[key] ?? '').toString('base64');
    delete secret.stringData;
  },
  prepareForUpdate(secret, old) {
    secret.type ||= old.type;
  },
  validate: (secret) =>
    Field.collect((at) => {
      let sizeBytes = 0;
      for (const key in secret.data) {
        checkKey(key, at.child('data'));
        sizeBytes += decodedBytes(secret.data[key] ?? '');
      }
      if (sizeBytes > MAX_BYTES) at.child('data').tooLong(MAX_BYTES);
      OF_TYPE.get(secret.type ?? '')?.(secret, at);
    }),
  validateUpdate: (secret, old) =>
    Field.collect((at) => {
      if (secret.type !== old.type) at.child('type').invalid(secret.type, 'field is immutable');
      checkFrozen(secret, old, ['data'], at);
    }),
  fieldValues: { type: (secret) => secret.type ?? '' },
};

const ACCOUNT_NAME = 'kubernetes.io/service-account.name';

/** What secrets of well-known types must hold. */
const OF_TYPE: ReadonlyMap<string, (secret: Secret, at: Field) => void> = new Map([
  [
    'kubernetes.io/service-account-token',
    ({ metadata }: Secret, at: Field) => {
      if ((metadata?.annotations?.[ACCOUNT_NAME] ?? '') === '')
        at.child('metadata').child('annotations').key(ACCOUNT_NAME).required();
    },
  ],
  ['kubernetes.io/dockercfg', (secret: Secret, at: Field) => checkJsonKey(secret, '.dockercfg', at)],
  ['kubernetes.io/dockerconfigjson', (secret: Secret, at: Field) => checkJsonKey(secret, '.dockerconfigjson', at)],
  [
    'kubernetes.io/basic-auth',
    ({ data = {} }: Secret, at: Field) => {
      if (data['username'] !== undefined || data['password'] !== undefined) return;
      at.child('data').key('username').required();
      at.child('data').key('password').required();
    },
  ],
  ['kubernetes.io/ssh-auth', ({ data = {} }: Secret, at: Field) => checkKeys(data, ['ssh-privatekey'], at)],
  ['kubernetes.io/tls', ({ data = {} }: Secret, at: Field) => checkKeys(data, ['tls.crt', 'tls.key'], at)],
]);

function checkKeys(data: Readonly<Record<string, string>>, keys: readonly string[], at: Field): void {
  for (const key of keys) {
    if (data[key] === undefined) at.child('data').key(key).required();
  }
}

function checkJsonKey({ data = {} }: Secret, key: string, at: Field): void {
  const value = data[key];
  if (value === undefined) return at.child('data').key(key).required();
  try {
    JSON.parse(Buffer.from(value, 'base64').toString());
  } catch {
    at.child('data').key(key).invalid(REDACTED, 'invalid character in JSON');
  }
}

export const serviceAccountStrategy: Strategy<ServiceAccount> = { warnings: serviceAccountWarnings };
