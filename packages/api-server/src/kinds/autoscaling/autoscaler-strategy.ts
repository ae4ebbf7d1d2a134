import { cloneJson } from '@keelson/api';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
} from '@keelson/api/autoscaling/v2';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkNonNegative, checkOptionalChoice } from '../../validation/checks.ts';
import { checkEach, Field } from '../../validation/field.ts';
import { checkNonNegativeQuantity } from '../../validation/quantities.ts';
import { checkMetrics, checkObjectReference } from './metric-validation.ts';

const DEFAULT_METRICS = [
  { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
];
const PERCENT = { type: 'Percent', value: 100, periodSeconds: 15 };
const PODS = { type: 'Pods', value: 4, periodSeconds: 15 };
const SELECT_POLICIES = ['Disabled', 'Max', 'Min'];
const POLICY_TYPES = ['Percent', 'Pods'];
const MAX_WINDOW_SECONDS = 3600;
const MAX_PERIOD_SECONDS = 1800;

/** Of the stored version, `autoscaling/v2`. */
export const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.minReplicas ??= 1;
    if ((spec.metrics ?? []).length === 0) spec.metrics = cloneJson(DEFAULT_METRICS);
    setBehaviorDefaults(spec);
  },
  prepareForCreate: (scaler) => void (scaler.status = { currentMetrics: undefined, desiredReplicas: 0 }),
  validate: ({ spec }) => Field.collect((at) => checkAutoscaler(spec, at.child('spec'))),
  validateCreate: ({ spec }) => Field.collect((at) => checkMinimum(spec, 1, at.child('spec'))),
  validateUpdate: ({ spec }, old) =>
    Field.collect((at) => checkMinimum(spec, old.spec?.minReplicas === 0 ? 0 : 1, at.child('spec'))),
  validateStatusUpdate: ({ status }) =>
    Field.collect((root) => {
      for (const name of ['currentReplicas', 'desiredReplicas'] as const)
        checkNonNegative(status?.[name], root.child('status'), name);
    }),
  hasGeneration: false,
};

function setBehaviorDefaults(spec: HorizontalPodAutoscalerSpec): void {
  if (spec.behavior === undefined) return;
  const up: HPAScalingRules = (spec.behavior.scaleUp ??= {});
  up.stabilizationWindowSeconds ??= 0;
  up.selectPolicy ??= 'Max';
  up.policies ??= [{ ...PODS }, { ...PERCENT }];
  const down: HPAScalingRules = (spec.behavior.scaleDown ??= {});
  down.selectPolicy ??= 'Max';
  down.policies ??= [{ ...PERCENT }];
}

/** Only those that could do so before may scale down to nothing. */
function checkMinimum(spec: HorizontalPodAutoscalerSpec | undefined, lowest: number, at: Field): void {
  const { minReplicas = 1 } = spec ?? {};
  if (minReplicas < lowest) at.child('minReplicas').invalid(minReplicas, `must be greater than or equal to ${lowest}`);
}

function checkAutoscaler(spec: HorizontalPodAutoscalerSpec | undefined, at: Field): void {
  const { minReplicas = 1, maxReplicas = 0, scaleTargetRef, metrics, behavior } = asSent(spec);
  if (maxReplicas < 1) at.child('maxReplicas').invalid(maxReplicas, 'must be greater than 0');
  if (maxReplicas < minReplicas) at.child('maxReplicas').invalid(maxReplicas, 'must be greater than or equal to `minReplicas`');
  checkObjectReference(scaleTargetRef, at.child('scaleTargetRef'));
  checkMetrics(metrics, at);
  const scales = (metrics ?? []).some(({ type }) => type === 'Object' || type === 'External');
  if (minReplicas === 0 && !scales)
    at.child('metrics').forbidden('must specify at least one Object or External metric to support scaling to zero replicas');
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const rules = behavior?.[direction];
    if (rules !== undefined) checkRules(rules, at.child('behavior').child(direction));
  }
}

function checkRules(rules: HPAScalingRules, at: Field): void {
  const { stabilizationWindowSeconds: seconds = 0, policies = [] } = rules;
  const window = at.child('stabilizationWindowSeconds');
  if (seconds < 0) window.invalid(seconds, 'must be greater than or equal to zero');
  if (seconds > MAX_WINDOW_SECONDS) window.invalid(seconds, `must be less than or equal to ${MAX_WINDOW_SECONDS}`);
  checkOptionalChoice(rules.selectPolicy, SELECT_POLICIES, () => at.child('selectPolicy'));
  if (policies.length === 0) at.child('policies').required('must specify at least one Policy');
  checkEach(policies, at, 'policies', checkPolicy);
  if (rules.tolerance !== undefined) checkNonNegativeQuantity(rules.tolerance, at.child('tolerance'));
}

function checkPolicy({ type = '', value = 0, periodSeconds = 0 }: Partial<HPAScalingPolicy>, at: Field): void {
  if (!POLICY_TYPES.includes(type)) at.child('type').notSupported(type, POLICY_TYPES);
  if (value <= 0) at.child('value').invalid(value, 'must be greater than zero');
  if (periodSeconds <= 0) at.child('periodSeconds').invalid(periodSeconds, 'must be greater than zero');
  if (periodSeconds > MAX_PERIOD_SECONDS)
    at.child('periodSeconds').invalid(periodSeconds, `must be less than or equal to ${MAX_PERIOD_SECONDS}`);
}
