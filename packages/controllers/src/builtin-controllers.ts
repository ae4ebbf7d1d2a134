import type { ControllerFactory, ControllerOptions } from './controller-context.ts';

/** The built-in controllers by the names that kube-controller-manager's `--controllers` has for them. */
export function builtinControllers(_options: ControllerOptions): Readonly<Record<string, ControllerFactory>> {
  return {};
}
