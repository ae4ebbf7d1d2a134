import type { Store } from '@keelson/store';
import type { Strategy } from '../registry/strategy.ts';
import type { Clock } from '@keelson/base';
import { ServiceAllocator } from './service/allocation/service-allocator.ts';
import { asStrategy } from './as-strategy.ts';
import { serviceStrategy } from './service/service-strategy.ts';
import { STRATEGIES } from './strategies.ts';
import { definitionStrategy } from './definition/definition-strategy.ts';
import type { SchemaRules } from '../structural/rules.ts';

export { validateApproval } from './certificates/signing-request-strategy.ts';
export {
  preparePodEphemeralContainers,
  preparePodResize,
  validatePodEphemeralContainers,
  validatePodResize,
} from './pod/pod-subresources.ts';

const NONE: Strategy = {};

/** The strategy of a kind, `{}` for one that has nothing of its own. Services get no addresses and node ports: see `createStrategies`. */
export function strategyOf(group: string, kind: string): Strategy {
  return STRATEGIES.get(`${group}/${kind}`) ?? NONE;
}

export interface StrategyDependencies {
  readonly store: Store;
  readonly clock: Clock;
  /** Where cluster IPs come from: a range, or one of each family with a comma between. */
  readonly serviceCidr: string;
  /** First and last node port. */
  readonly nodePortRange: readonly [number, number];
  /** Checks the rules in schemas of CustomResourceDefinitions. */
  readonly rules?: SchemaRules;
}

/** As `strategyOf`, with Services that hold their addresses and node ports in the store. */
export function createStrategies(dependencies: StrategyDependencies): (group: string, kind: string) => Strategy {
  const services = asStrategy(serviceStrategy(new ServiceAllocator(dependencies)));
  const definitions = asStrategy(definitionStrategy(dependencies.rules));
  return (group, kind) => {
    if (group === '' && kind === 'Service') return services;
    return group === 'apiextensions.k8s.io' && kind === 'CustomResourceDefinition' ? definitions : strategyOf(group, kind);
  };
}
