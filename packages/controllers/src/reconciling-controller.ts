import { Controller, type ControllerOptions, type Reconciler, type Source } from '@keelson/controller-runtime';
import type { ControllerContext } from './controller-context.ts';

interface Parts {
  readonly name: string;
  readonly reconciler: Reconciler;
  readonly sources: readonly Source[];
}

/** A controller with what every built-in one takes from its context. */
export function reconcilingController(context: ControllerContext, parts: Parts, options: ControllerOptions = {}): Controller {
  const { clock, logger, metrics } = context;
  return new Controller({ ...parts, clock, logger, ...(metrics && { metrics }) }, options);
}
