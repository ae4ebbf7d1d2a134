import type { IncomingMessage } from 'node:http';
import { Node, Pod, type Container } from '@keelson/api/core/v1';
import { isReason, KeelsonError } from '@keelson/base';
import { createClient, type Transport } from '@keelson/client';
import type { Query } from '../request/query.ts';
import type { ConnectResult, ContentResult, HttpExchange } from '../response/api-result.ts';
import type { ConnectRequest, SubresourceConnector } from '../subresources/connector.ts';
import type { KubeletCall, KubeletConnection } from './kubelet-connection.ts';

interface Dependencies {
  readonly kubelets: KubeletConnection;
  /** Reads pods and nodes. A function, since the server that gives it is made with this. */
  readonly transport: () => Transport;
}

/** What of a log request goes on to the kubelet. */
const LOG_PARAMETERS = ['follow', 'previous', 'timestamps', 'tailLines', 'limitBytes', 'sinceSeconds', 'sinceTime', 'stream'];
/** How the flags of exec and attach are called at the kubelet, and whether they hold if they are not given. */
const STREAMS = [
  ['stdin', 'input', false],
  ['stdout', 'output', true],
  ['stderr', 'error', true],
  ['tty', 'tty', false],
] as const;
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

/** `log`, `exec`, `attach` and `portforward` of pods: handed on to the kubelet of the pod's node. */
export class PodStreams implements SubresourceConnector {
  readonly subresources = ['pods/log', 'pods/exec', 'pods/attach', 'pods/portforward'];
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  async connect({ request, info }: ConnectRequest): Promise<ConnectResult | ContentResult> {
    const client = createClient(this.#deps.transport());
    const pod = await client.resource(Pod).get({ name: info.name ?? '', namespace: info.namespace ?? '' });
    if (info.subresource === 'log') return this.#log(pod, request.query, request.signal);
    const { node, path } = await this.#stream(pod, info.subresource ?? '', request.query);
    return { type: 'connect', serve: (exchange) => this.#serve({ node, path, method: request.method }, exchange) };
  }

  async #log(pod: Pod, query: Query, signal: AbortSignal | undefined): Promise<ContentResult> {
    checkLogQuery(query);
    const container = containerOf(pod, query.get('container'));
    const text = { type: 'content', status: 200, contentType: 'text/plain' } as const;
    const node = await this.#nodeOf(pod);
    // Not on a node yet: nothing has been printed.
    if (!node) return { ...text, body: '' };
    const wanted = LOG_PARAMETERS.map((name) => [name, query.get(name)] as const).filter(([, value]) => value !== undefined);
    const path = `/containerLogs/${podPath(pod)}/${container}?${new URLSearchParams(wanted as [string, string][]).toString()}`;
    const body: IncomingMessage = await this.#deps.kubelets.request({ node, method: 'GET', path }, signal);
    return { ...text, body };
  }

  async #stream(pod: Pod, subresource: string, query: Query): Promise<{ readonly node: Node; readonly path: string }> {
    const path = subresource === 'portforward' ? portForwardPath(pod, query) : commandPath(pod, subresource, query);
    const node = await this.#nodeOf(pod);
    if (!node) throw new KeelsonError('BadRequest', `pod ${pod.metadata?.name} does not have a host assigned`);
    return { node, path };
  }

  async #serve(call: Omit<KubeletCall, 'headers'>, { request, upgrade }: HttpExchange): Promise<void> {
    if (!upgrade) throw new KeelsonError('BadRequest', 'Upgrade request required');
    await this.#deps.kubelets.upgrade({ ...call, headers: request.headers }, upgrade.socket, upgrade.head);
  }

  async #nodeOf(pod: Pod): Promise<Node | undefined> {
    const name = pod.spec?.nodeName;
    if (!name) return undefined;
    try {
      return await createClient(this.#deps.transport()).resource(Node).get({ name });
    } catch (error) {
      if (isReason(error, 'NotFound')) throw new KeelsonError('NotFound', `nodes "${name}" not found`, { cause: error });
      throw error;
    }
  }
}

function portForwardPath(pod: Pod, query: Query): string {
  const ports = query.all('ports').flatMap((text) => text.split(','));
  const query_ = ports.map((port) => `port=${encodeURIComponent(port)}`).join('&');
  return `/portForward/${podPath(pod)}${query_ === '' ? '' : `?${query_}`}`;
}

function commandPath(pod: Pod, subresource: string, query: Query): string {
  const container = containerOf(pod, query.get('container'));
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') {
    const verb = subresource === 'exec' ? 'exec into' : 'attach to';
    throw new KeelsonError('BadRequest', `cannot ${verb} a container in a completed pod; current phase is ${phase}`);
  }
  const flags = STREAMS.map(([from, to, byDefault]) => [to, query.has(from) ? query.flag(from) : byDefault] as const);
  if (!flags.slice(0, 3).some(([, isOn]) => isOn)) {
    throw new KeelsonError('BadRequest', 'you must specify at least 1 of stdin, stdout, stderr');
  }
  const parameters = new URLSearchParams(flags.filter(([, isOn]) => isOn).map(([name]) => [name, '1']));
  if (subresource === 'exec') for (const word of query.all('command')) parameters.append('command', word);
  return `/${subresource}/${podPath(pod)}/${container}?${parameters.toString()}`;
}

function podPath({ metadata }: Pod): string {
  return `${metadata?.namespace}/${metadata?.name}`;
}

/** The container that is meant: the one that is named, the only one, or the one that an annotation says. */
function containerOf(pod: Pod, wanted: string | undefined): string {
  const { name, annotations } = pod.metadata ?? {};
  const containers = namesOf(pod.spec?.containers);
  const initContainers = namesOf(pod.spec?.initContainers);
  const others = namesOf(pod.spec?.ephemeralContainers);
  if (wanted !== undefined && wanted !== '') {
    if ([...containers, ...initContainers, ...others].includes(wanted)) return wanted;
    throw new KeelsonError('BadRequest', `container ${wanted} is not valid for pod ${name}`);
  }
  const [only = ''] = containers;
  if (containers.length === 1) return only;
  const byAnnotation = annotations?.[DEFAULT_CONTAINER];
  if (byAnnotation !== undefined && containers.includes(byAnnotation)) return byAnnotation;
  const choice = `choose one of: [${containers.join(' ')}]`;
  const init = initContainers.length > 0 ? ` or one of the init containers: [${initContainers.join(' ')}]` : '';
  throw new KeelsonError('BadRequest', `a container name must be specified for pod ${name}, ${choice}${init}`);
}

function namesOf(containers: readonly Pick<Container, 'name'>[] | undefined): readonly string[] {
  return (containers ?? []).map((container) => container.name ?? '');
}

function checkLogQuery(query: Query): void {
  for (const name of ['tailLines', 'limitBytes', 'sinceSeconds']) {
    const text = query.get(name);
    const least = name === 'tailLines' ? 0 : 1;
    if (text !== undefined && !(/^-?\d+$/.test(text) && Number(text) >= least)) {
      const rule = least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0';
      throw new KeelsonError('Invalid', `PodLogOptions "" is invalid: ${name}: Invalid value: ${text}: ${rule}`);
    }
  }
  if (query.has('sinceSeconds') && query.has('sinceTime')) {
    throw new KeelsonError(
      'Invalid',
      'PodLogOptions "" is invalid: at most one of `sinceTime` or `sinceSeconds` may be specified',
    );
  }
}
