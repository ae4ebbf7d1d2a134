import { isDnsSubdomain } from '@keelson/api';
import type {
  FlowSchema,
  FlowSchemaSpec,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from '@keelson/api/flowcontrol/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkNamed } from '../../validation/checks.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { checkFlowRules } from './flow-rules.ts';

const EXEMPT = 'exempt';
const MAX_PRECEDENCE = 10_000;
const DISTINGUISHERS = ['ByNamespace', 'ByUser'];
const LEVEL_TYPES = ['Exempt', 'Limited'];
const RESPONSE_TYPES = ['Queue', 'Reject'];
const MAX_QUEUES = 10_000_000;
/** How many bits of a hash the choice of queues can use up. */
const MAX_HASH_BITS = 60;

export const flowSchemaStrategy: Strategy<FlowSchema> = {
  statusMetadata: [],
  setDefaults({ spec }) {
    if (spec !== undefined) spec.matchingPrecedence ??= 1000;
  },
  validate: ({ metadata, spec }) => Field.collect((at) => checkSchema(metadata?.name ?? '', spec, at.child('spec'))),
  validateStatusUpdate: checkConditionTypes,
};

function checkSchema(name: string, spec: FlowSchemaSpec | undefined, at: Field): void {
  const { matchingPrecedence: precedence = 0, distinguisherMethod, priorityLevelConfiguration, rules } = asSent(spec);
  const precedenceAt = at.child('matchingPrecedence');
  if (precedence <= 0) precedenceAt.invalid(precedence, 'must be a positive value');
  if (precedence > MAX_PRECEDENCE) precedenceAt.invalid(precedence, `must not be greater than ${MAX_PRECEDENCE}`);
  if (precedence === 1 && name !== EXEMPT)
    precedenceAt.invalid(precedence, "only the schema named 'exempt' may have matchingPrecedence 1");
  const type = distinguisherMethod?.type ?? '';
  if (distinguisherMethod !== undefined && !DISTINGUISHERS.includes(type))
    at.child('distinguisherMethod').child('type').notSupported({ Type: type }, DISTINGUISHERS);
  const level = at.child('priorityLevelConfiguration');
  const levelName = priorityLevelConfiguration?.name ?? '';
  if (levelName === '') level.child('name').required('must reference a priority level');
  else checkNamed(isDnsSubdomain, levelName, level, 'name');
  checkFlowRules(rules, at);
}

export const priorityLevelStrategy: Strategy<PriorityLevelConfiguration> = {
  statusMetadata: [],
  setDefaults({ spec }) {
    if (spec?.limited !== undefined) {
      spec.limited.nominalConcurrencyShares ??= 30;
      spec.limited.lendablePercent ??= 0;
      const queuing = spec.limited.limitResponse?.queuing;
      if (queuing !== undefined) {
        queuing.queues ??= 64;
        queuing.handSize ??= 8;
        queuing.queueLengthLimit ??= 50;
      }
    }
    if (spec?.type === 'Exempt') spec.exempt ??= {};
    if (spec?.exempt !== undefined) {
      spec.exempt.nominalConcurrencyShares ??= 0;
      spec.exempt.lendablePercent ??= 0;
    }
  },
  validate: ({ metadata, spec }) => Field.collect((at) => checkLevel(metadata?.name ?? '', spec, at.child('spec'))),
  validateStatusUpdate: checkConditionTypes,
};

function checkLevel(name: string, spec: PriorityLevelConfigurationSpec | undefined, at: Field): void {
  const { type = '', exempt, limited } = asSent(spec);
  if ((name === EXEMPT) !== (type === 'Exempt'))
    at.child('type').invalid(type, "type must be 'Exempt' if and only if name is 'exempt'");
  if (!LEVEL_TYPES.includes(type)) return at.child('type').notSupported(type, LEVEL_TYPES);
  if (type === 'Exempt') {
    if (limited !== undefined) at.child('limited').forbidden('must be nil if the type is not Limited');
    checkShares(exempt ?? {}, at.child('exempt'));
    return;
  }
  if (exempt !== undefined) at.child('exempt').forbidden('must be nil if the type is Limited');
  if (limited === undefined) at.child('limited').required('must not be empty when type is Limited');
  else checkLimited(limited, at.child('limited'));
}

interface Shares {
  readonly nominalConcurrencyShares?: number | undefined;
  readonly lendablePercent?: number | undefined;
}

function checkShares({ nominalConcurrencyShares: shares = 0, lendablePercent: percent = 0 }: Shares, at: Field): void {
  if (shares < 0) at.child('nominalConcurrencyShares').invalid(shares, 'must be a non-negative integer');
  if (percent < 0 || percent > 100) at.child('lendablePercent').invalid(percent, 'must be between 0 and 100, inclusive');
}

function checkLimited(limited: LimitedPriorityLevelConfiguration, at: Field): void {
  checkShares(limited, at);
  checkResponse(limited.limitResponse, at.child('limitResponse'));
  const borrowed = limited.borrowingLimitPercent;
  if (borrowed !== undefined && borrowed < 0)
    at.child('borrowingLimitPercent').invalid(borrowed, 'if specified, must be a non-negative integer');
}

function checkResponse(response: LimitResponse | undefined, at: Field): void {
  const { type = '', queuing } = asSent(response);
  if (!RESPONSE_TYPES.includes(type)) return at.child('type').notSupported(type, RESPONSE_TYPES);
  if (type === 'Reject') {
    if (queuing !== undefined) at.child('queuing').forbidden('must be nil if limited.limitResponse.type is not Limited');
  } else if (queuing === undefined) {
    at.child('queuing').required('must not be empty if limited.limitResponse.type is Limited');
  } else {
    checkQueuing(queuing, at.child('queuing'));
  }
}

function checkQueuing({ queues = 0, handSize = 0, queueLengthLimit = 0 }: QueuingConfiguration, at: Field): void {
  if (queueLengthLimit <= 0) at.child('queueLengthLimit').invalid(queueLengthLimit, 'must be positive');
  if (queues <= 0) at.child('queues').invalid(queues, 'must be positive');
  else if (queues > MAX_QUEUES) at.child('queues').invalid(queues, `must not be greater than ${MAX_QUEUES}`);
  const hand = at.child('handSize');
  if (handSize <= 0) hand.invalid(handSize, 'must be positive');
  else if (handSize > queues) hand.invalid(handSize, `should not be greater than queues (${queues})`);
  else if (Math.ceil(Math.log2(queues) * handSize) > MAX_HASH_BITS) {
    const bits = `required entropy bits of deckSize ${queues} and handSize ${handSize}`;
    hand.invalid(handSize, `${bits} should not be greater than ${MAX_HASH_BITS}`);
  }
}

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type?: string | undefined }[] | undefined } | undefined;
}

function checkConditionTypes({ status }: WithConditions): readonly FieldError[] {
  return Field.collect((root) => {
    const types = new Unique();
    checkEach(status?.conditions, root.child('status'), 'conditions', ({ type = '' }, at) => {
      if (!types.add(type)) at.child('type').duplicate(type);
      if (type === '') at.child('type').required('must not be empty');
    });
  });
}
