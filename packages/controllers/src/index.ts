export { builtinControllers } from './builtin-controllers.ts';
export type { ControllerContext, ControllerFactory, ControllerOptions } from './controller-context.ts';
