import { methodNotAllowed, unknownPath } from '@keelson/api';
import type { ApiResult } from '../response/api-result.ts';
import type { Call } from '../verbs/call.ts';
import { get } from '../verbs/get.ts';
import { patch, patchPart } from '../verbs/patch.ts';
import { update, updatePart } from '../verbs/update.ts';
import { bind } from './binding.ts';
import { evict } from './eviction.ts';
import { approvalPart, ephemeralContainersPart, finalizePart, resizePart } from './parts.ts';
import { serveScale } from './scale.ts';
import { issueToken } from './token.ts';
import type { SubresourcePart } from '../verbs/update.ts';

const PARTS: Readonly<Record<string, SubresourcePart>> = {
  'pods/ephemeralcontainers': ephemeralContainersPart,
  'pods/resize': resizePart,
  'namespaces/finalize': finalizePart,
  'certificatesigningrequests/approval': approvalPart,
};

/** Serves subresources that are objects. */
export async function serveSubresource(call: Call, verb: string): Promise<ApiResult> {
  const { definition, info, name } = call;
  const subresource = info.subresource ?? '';
  const fact = definition.subresources[subresource];
  if (!fact || name === '') throw unknownPath();
  if (!fact.verbs.includes(verb)) throw methodNotAllowed();
  if (subresource === 'status') return serveStatus(call, verb);
  if (subresource === 'scale') return serveScale(call, verb);
  const part = PARTS[`${definition.resource}/${subresource}`];
  if (part) return servePart(call, part, verb);
  switch (`${definition.resource}/${subresource}`) {
    case 'pods/binding':
      return bind(call);
    case 'pods/eviction':
      return evict(call);
    case 'serviceaccounts/token':
      return issueToken(call);
    default:
      throw unknownPath();
  }
}

async function serveStatus(call: Call, verb: string): Promise<ApiResult> {
  if (verb === 'get') return get(call);
  return verb === 'patch' ? patch(call) : update(call);
}

async function servePart(call: Call, part: SubresourcePart, verb: string): Promise<ApiResult> {
  if (verb === 'get') return get(call);
  return verb === 'patch' ? patchPart(call, part) : updatePart(call, part);
}
