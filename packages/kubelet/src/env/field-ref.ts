import { KeelsonError } from '@keelson/base';
import { parseQuantity } from '@keelson/api';
import type { Container, Pod, ResourceFieldSelector } from '@keelson/api/core/v1';

/** What the downward API knows beyond the pod itself. */
export interface DownwardContext {
  readonly nodeName: string;
  readonly hostIps: readonly string[];
  /** From the runtime, since the API may not have them yet. */
  readonly podIps: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
}

const SUBSCRIPT = /^metadata\.(labels|annotations)\['(.*)'\]$/;

/** The value of a field path of the downward API. Throws `BadRequest` for paths it does not have. */
export function fieldValue(pod: Pod, path: string, context: DownwardContext): string {
  const subscript = SUBSCRIPT.exec(path);
  if (subscript) return pod.metadata?.[subscript[1] === 'labels' ? 'labels' : 'annotations']?.[subscript[2] ?? ''] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata?.name ?? '';
    case 'metadata.namespace':
      return pod.metadata?.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata?.uid ?? '';
    case 'metadata.labels':
      return formatMap(pod.metadata?.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata?.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? context.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return context.hostIps[0] ?? '';
    case 'status.hostIPs':
      return context.hostIps.join(',');
    case 'status.podIP':
      return context.podIps[0] ?? '';
    case 'status.podIPs':
      return context.podIps.join(',');
    default:
      throw new KeelsonError('BadRequest', `unsupported fieldPath: ${path}`);
  }
}

/** One `key="value"` a line, sorted, values quoted as Go does. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/** A container's request or limit in units of the divisor, rounded up. A limit that is not set is what the node can give. */
export function resourceValue(pod: Pod, container: Container, ref: ResourceFieldSelector, context: DownwardContext): string {
  const target = ref.containerName ? containerNamed(pod, ref.containerName) : container;
  const [kind = '', name = ''] = splitOnce(ref.resource);
  if (kind !== 'limits' && kind !== 'requests')
    throw new KeelsonError('BadRequest', `unsupported container resource: ${ref.resource}`);
  const { limits, requests } = target.resources ?? {};
  const set = kind === 'limits' ? (limits?.[name] ?? context.allocatable[name]) : (requests?.[name] ?? limits?.[name]);
  const divisor = !ref.divisor || parseQuantity(ref.divisor).isZero() ? '1' : ref.divisor;
  return divideUp(set ?? '0', divisor, name === 'cpu');
}

function containerNamed(pod: Pod, name: string): Container {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const found = all.find((container) => container.name === name);
  if (!found) throw new KeelsonError('BadRequest', `container ${name} not found`);
  return found;
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('.');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function divideUp(amount: string, divisor: string, asMilli: boolean): string {
  const unit = (text: string) => BigInt(asMilli ? parseQuantity(text).milliValue() : parseQuantity(text).value());
  const [whole, part] = [unit(amount), unit(divisor)];
  return String((whole + part - 1n) / part);
}
