export { builtinControllers } from './builtin-controllers.ts';
export { accountUser, CONTROLLER_MANAGER, controllerUser, type ControllerUser } from './controller-account.ts';
export type { CertificateSigner } from './certificates/certificate-signing-controller.ts';
export type { ControllerContext, ControllerFactory, ControllerOptions } from './controller-context.ts';
export { Controllers, type ControllersOptions, type NamedController } from './controllers.ts';
export { CONTROLLER_CLIENT, CONTROLLER_FACTORY, CONTROLLERS } from './tokens.ts';
export type { LegacyTokenIssuer } from './serviceaccount-token/service-account-token-controller.ts';
export type { NodeCidrOptions } from './node-ipam/node-cidrs.ts';
export type { LoadBalancerOptions } from './service-lb/service-lb-controller.ts';
