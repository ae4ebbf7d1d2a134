import { RESULT, type Comprehension } from '../syntax/expression.ts';
import { EvaluationFailure } from '../values/failure.ts';
import { GrowingList } from '../values/lists.ts';
import { GrowingMap, keyOf } from '../values/maps.ts';
import type { CelList, CelMap, CelValue } from '../values/value.ts';
import type { Frame, Step } from './frame.ts';
import type { Planning } from './planning.ts';

const LIST_COST = 10;
const MAP_COST = 30;

interface Fold {
  readonly range: Step;
  readonly initial: Step;
  readonly condition: Step;
  readonly step: Step;
  readonly result: Step;
  readonly accumulator: number;
  readonly variable: number;
  /** -1: there is none. */
  readonly second: number;
  /** A failure of one step may be made up for by a later one, as in `exists`. */
  readonly canRecover: boolean;
}

/** A macro over a list or map. */
export function planFold(planner: Planning, node: Comprehension): Step {
  const range = planner.plan(node.range);
  const initial = planInitial(planner, node);
  return planner.withSlots([node.accumulator], ([accumulator = -1]) => {
    const names = node.second === undefined ? [node.variable] : [node.variable, node.second];
    const loop = planner.withSlots(names, ([variable = -1, second = -1]) => ({
      variable,
      second,
      condition: planner.plan(node.condition),
      step: planner.plan(node.step),
    }));
    const result = planner.plan(node.result);
    const canRecover = node.condition.kind !== 'literal';
    const fold: Fold = { range, initial, result, accumulator, canRecover, ...loop };
    return (frame) => run(fold, frame);
  });
}

function planInitial(planner: Planning, node: Comprehension): Step {
  const start = growingStart(node);
  if (!start) return planner.plan(node.initial);
  const cost = node.initial.kind === 'list' ? LIST_COST : MAP_COST;
  return (frame) => {
    frame.charge(cost);
    return start();
  };
}

/** Whether a fold's accumulator begins as an empty list or map that only the fold adds to. */
function growingStart({ accumulator, initial }: Comprehension): (() => CelValue) | undefined {
  if (accumulator !== RESULT) return undefined;
  if (initial.kind === 'list' && initial.elements.length === 0) return () => new GrowingList();
  return initial.kind === 'map' && initial.entries.length === 0 ? () => new GrowingMap() : undefined;
}

function run(fold: Fold, frame: Frame): CelValue {
  const over = fold.range(frame);
  frame.slots[fold.accumulator] = fold.initial(frame);
  if (isComposite(over, 'list')) overList(fold, frame, over);
  else if (isComposite(over, 'map')) overMap(fold, frame, over);
  else throw new EvaluationFailure('no such overload');
  return fold.result(frame);
}

function isComposite<K extends 'list' | 'map'>(value: CelValue, kind: K): value is Extract<CelList | CelMap, { kind: K }> {
  return value !== null && typeof value === 'object' && 'kind' in value && value.kind === kind;
}

function overList(fold: Fold, frame: Frame, list: CelList): void {
  const { size } = list;
  for (let index = 0; index < size; index++) {
    if (fold.second >= 0) {
      frame.slots[fold.variable] = BigInt(index);
      frame.slots[fold.second] = list.at(index);
    } else frame.slots[fold.variable] = list.at(index);
    if (!turn(fold, frame)) return;
  }
}

function overMap(fold: Fold, frame: Frame, map: CelMap): void {
  for (const key of map.keys()) {
    frame.slots[fold.variable] = key;
    if (fold.second >= 0) {
      const normal = keyOf(key);
      frame.slots[fold.second] = (normal === undefined ? undefined : map.get(normal)) ?? null;
    }
    if (!turn(fold, frame)) return;
  }
}

/** Whether to go on. */
function turn({ condition, step, accumulator, canRecover }: Fold, frame: Frame): boolean {
  if (condition(frame) !== true) return false;
  try {
    frame.slots[accumulator] = step(frame);
  } catch (error) {
    if (!canRecover || !(error instanceof EvaluationFailure)) throw error;
    frame.slots[accumulator] = error;
  }
  return true;
}
