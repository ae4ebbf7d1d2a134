// Controllers as decorated classes. This is the only entry that needs `reflect-metadata` and decorators; nothing else depends on it.
import 'reflect-metadata';
import type { Kind, KubernetesObject } from '@keelson/api';
import { assert, type Runnable } from '@keelson/base';
import { injectable, type Container, type Newable } from 'inversify';
import type { ReconcileResult } from './controller.ts';
import { defineController, type ControllerDefinition, type ControllerWorld, type Reconciling } from './define-controller.ts';

/** What a class with `@Controller` has. */
export interface ReconcilerOf<T extends KubernetesObject> {
  reconcile(object: T, context: Reconciling): Promise<ReconcileResult | void>;
  /** With `finalizer` in its options. */
  cleanUp?(object: T, context: Reconciling): Promise<ReconcileResult | void>;
}

export interface DecoratorOptions<T extends KubernetesObject> extends Omit<
  ControllerDefinition<T>,
  'reconcile' | 'finalizer' | 'for'
> {
  readonly for: Kind<T>;
  /** The name of a finalizer, for whose sake `cleanUp` is called. */
  readonly finalizer?: string;
}

const OPTIONS = Symbol('@keelson/controller-runtime:Controller');

/**
 * Makes a class a controller: `@Controller({ for: Website, owns: [Deployment] })`. The container injects what its constructor asks for.
 * Give the class to `decoratedController`.
 */
export function Controller<T extends KubernetesObject>(options: DecoratorOptions<T>) {
  return (target: Newable<ReconcilerOf<T>>): void => {
    injectable('Singleton')(target);
    Reflect.defineMetadata(OPTIONS, options, target);
  };
}

/** The controller of a decorated class, not yet started. Its one instance comes from the container. */
export function decoratedController<T extends KubernetesObject>(
  target: Newable<ReconcilerOf<T>>,
  container: Container,
  world: ControllerWorld,
): Runnable {
  const options = Reflect.getMetadata(OPTIONS, target) as DecoratorOptions<T> | undefined;
  assert(options, `class ${target.name} is decorated with @Controller`);
  if (!container.isBound(target)) container.bind(target).toSelf().inSingletonScope();
  const instance = container.get(target);
  const { finalizer, ...definition } = options;
  const cleanUp = instance.cleanUp?.bind(instance);
  assert(finalizer === undefined || cleanUp, `class ${target.name} has cleanUp, since it names a finalizer`);
  return defineController(
    {
      ...definition,
      reconcile: (object, context) => instance.reconcile(object, context),
      ...(finalizer !== undefined && cleanUp && { finalizer: { name: finalizer, cleanUp } }),
    },
    world,
  );
}
