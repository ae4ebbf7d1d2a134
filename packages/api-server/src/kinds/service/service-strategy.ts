import type { Strategy } from '../../registry/strategy.ts';
import { setServiceDefaults } from './service-defaults.ts';
import type { Service } from './service-model.ts';
import { prepareServiceUpdate, validateServiceUpdate } from './service-update.ts';
import { validateService } from './service-validation.ts';
import type { ServiceAllocator } from './allocation/service-allocator.ts';
import { serviceWarnings } from '../warnings/service-warnings.ts';

const ONE_FAMILY = ['IPv4'];

/** Without an allocator Services get neither addresses nor node ports. */
export function serviceStrategy(allocator?: ServiceAllocator): Strategy<Service> {
  const families = allocator?.families ?? ONE_FAMILY;
  const strategy: Strategy<Service> = {
    warnings: serviceWarnings,
    setDefaults: (service) => setServiceDefaults(service, families),
    prepareForCreate: (service) => void (service.status = { loadBalancer: {} }),
    prepareForUpdate: prepareServiceUpdate,
    validate: validateService,
    validateUpdate: validateServiceUpdate,
    nameRule: 'dns-1035-label',
    allowCreateOnUpdate: true,
    allowUnconditionalUpdate: true,
    hasGeneration: false,
    fieldValues: {
      'spec.clusterIP': (service) => service.spec?.clusterIP ?? '',
      'spec.type': (service) => service.spec?.type ?? '',
    },
  };
  if (allocator === undefined) return strategy;
  return {
    ...strategy,
    allocate: (service, old) => allocator.allocate(service, old),
    companions: (service, old) => allocator.companions(service, old),
  };
}
