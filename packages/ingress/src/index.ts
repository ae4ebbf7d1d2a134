export type { AccessEntry } from './access-log.ts';
export { IngressController, type IngressDependencies } from './ingress-controller.ts';
export { CONTROLLER_NAME, type IngressOptions } from './options.ts';
export { REDIRECT_ANNOTATION } from './routing/build-routes.ts';
export { createIngress, type IngressOperatorOptions } from './run-ingress.ts';
