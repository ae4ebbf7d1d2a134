import type { Clock } from '@keelson/base';
import type { ContainerRuntime, Images } from '@keelson/runtime';
import type { KubeletMetrics } from './kubelet-metrics.ts';

/** Upstream's names of what a kubelet asks of its runtime. */
const OPERATIONS: Readonly<Record<string, string>> = {
  info: 'version',
  runSandbox: 'run_podsandbox',
  stopSandbox: 'stop_podsandbox',
  removeSandbox: 'remove_podsandbox',
  listSandboxes: 'list_podsandbox',
  createContainer: 'create_container',
  startContainer: 'start_container',
  stopContainer: 'stop_container',
  removeContainer: 'remove_container',
  listContainers: 'list_containers',
  containerStatus: 'container_status',
  updateResources: 'update_container',
  execSync: 'exec_sync',
  exec: 'exec',
  attach: 'attach',
  portForward: 'port_forward',
  stats: 'list_container_stats',
  networkUsage: 'list_podsandbox_stats',
} satisfies Partial<Record<keyof ContainerRuntime, string>>;

const IMAGE_OPERATIONS: Readonly<Record<string, string>> = {
  find: 'image_status',
  list: 'list_images',
  pull: 'pull_image',
  remove: 'remove_image',
  directory: 'image_fs_info',
} satisfies Record<keyof Images, string>;

type Measure = Pick<KubeletMetrics, 'runtimeCall'>;

/** The same runtime; what is asked of it is counted and timed. */
export function measuredRuntime(runtime: ContainerRuntime, clock: Clock, metrics: Measure): ContainerRuntime {
  const images = measured(runtime.images, IMAGE_OPERATIONS, { clock, metrics });
  return measured(runtime, OPERATIONS, { clock, metrics, replaced: { images } });
}

interface Measuring {
  readonly clock: Clock;
  readonly metrics: Measure;
  /** Properties that are others than the target's. */
  readonly replaced?: Readonly<Record<string, unknown>>;
}

/** Each method is wrapped once. Methods are bound to the target: its private fields are its own. */
function measured<T extends object>(
  target: T,
  operations: Readonly<Record<string, string>>,
  { clock, metrics, replaced = {} }: Measuring,
): T {
  const wrapped = new Map<PropertyKey, unknown>();
  const wrap = (name: PropertyKey, method: (...args: unknown[]) => unknown): unknown => {
    const operation = operations[String(name)];
    if (operation === undefined) return method.bind(target);
    return async (...args: unknown[]): Promise<unknown> => {
      const begunMs = clock.monotonic();
      let failed = true;
      try {
        const result = await method.apply(target, args);
        failed = false;
        return result;
      } finally {
        metrics.runtimeCall(operation, (clock.monotonic() - begunMs) / 1000, failed);
      }
    };
  };
  return new Proxy(target, {
    get(_target, name) {
      if (typeof name === 'string' && name in replaced) return replaced[name];
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const known = wrapped.get(name) ?? wrap(name, value as (...args: unknown[]) => unknown);
      wrapped.set(name, known);
      return known;
    },
  });
}
