export { addressOf, addressText, familyOf, type Address, type IpFamily } from './address.ts';
export {
  BOOTSTRAP_TOKEN_TYPE,
  bootstrapTokenExpiry,
  bootstrapTokenName,
  bootstrapTokenOf,
  parseBootstrapToken,
  type BootstrapToken,
} from './bootstrap-token.ts';
export { cloneJson } from './clone-json.ts';
export { parseCronSchedule, type CronSchedule } from './cron/cron-schedule.ts';
export { parseGoDuration } from './cron/go-duration.ts';
export { TimeZone } from './cron/time-zone.ts';
export { humanDuration } from './duration.ts';
export {
  facts,
  type ColumnFact,
  type DefinitionFact,
  type Facts,
  type FieldFact,
  type GroupFact,
  type ItemsFact,
  type ResourceFact,
  type SubresourceFact,
} from './facts.ts';
export { matchesFields, parseFieldSelector, type FieldTerm } from './field-selector.ts';
export { resolveIntOrPercent } from './int-or-string.ts';
export { parseJson, parseJsonStrict, stringifyJson, type StrictJson } from './json.ts';
export { apiVersionOf, type Kind, type KubernetesObject } from './kind.ts';
export type { LabelOperator, LabelRequirement } from './label-requirement.ts';
export { mayKubeletLabel } from './node-labels.ts';
export {
  controllerOf,
  controllerReference,
  deepEqual,
  deepFreeze,
  findCondition,
  isOwnedBy,
  keyOf,
  nameOf,
  namespaceOf,
  randomSuffix,
  safeHash,
  setCondition,
  uidOf,
  type ConditionLike,
} from './objects.ts';
export { applyJsonPatch } from './patch/json-patch.ts';
export { createJsonPatch, type JsonPatchOperation } from './patch/json-patch-diff.ts';
export { applyMergePatch } from './patch/merge-patch.ts';
export { createStrategicPatch, threeWayMergePatch, type ApplyDocuments } from './patch/strategic-diff.ts';
export { applyStrategicMergePatch } from './patch/strategic-merge-patch.ts';
export { allowsNode, matchesNodeSelectorTerm, toleratesTaint, untoleratedTaint } from './placement.ts';
export {
  couldRestartAll,
  isContainerRestarted,
  isExtendedResource,
  isPodActive,
  isPodAvailable,
  isPodReady,
  isPodTerminal,
  isSidecar,
  podResourceLimits,
  podResourceRequests,
  qosClass,
  resourceAmounts,
  restartAction,
  type QosClass,
  type ResourceAmounts,
} from './pods.ts';
export { canonicalQuantity, parseQuantity, Quantity, type QuantityFormat } from './quantity.ts';
export { quotaEvaluator, quotaResource } from './quota/object-quota.ts';
export type { QuotaEvaluator } from './quota/quota-evaluator.ts';
export { isInQuotaScope } from './quota/quota-scopes.ts';
export { definitionOf, isServedByDefault, kindOf, openApiName, resourceOf, resourceOfKind } from './scheme.ts';
export { labelSelectorFrom, LabelSelectorMatcher, matchesNodeRequirement, parseLabelSelector } from './selectors.ts';
export {
  alreadyExists,
  badRequest,
  conflict,
  errorOf,
  expired,
  forbidden,
  internalError,
  methodNotAllowed,
  namespaceTerminating,
  notAcceptable,
  notFound,
  reasonOfCode,
  resourceVersionTooLarge,
  statusOf,
  tooManyRequests,
  unauthorized,
  unknownPath,
  unsupportedMediaType,
  type ResourceName,
  type StatusDetails,
  type StatusObject,
} from './status.ts';
export { formatMicroTime, formatTime, parseTime } from './time.ts';
export { isIPv4, isIPv6, isValidCIDR, isValidIP } from './validation/ip.ts';
export {
  isCIdentifier,
  isConfigMapKey,
  isDns1035Label,
  isDnsLabel,
  isDnsSubdomain,
  isEnvVarName,
  isHttpHeaderName,
  isPathSegmentName,
  isPercentage,
  isQualifiedName,
  isValidLabelValue,
  isValidPortName,
  isValidPortNumber,
  isWildcardDnsSubdomain,
  type NameCheck,
} from './validation/names.ts';
export {
  claimNameOf,
  claimNamesOf,
  defaultStorageClass,
  findVolumeFor,
  isClaimBound,
  isVolumeOf,
  NO_PROVISIONER,
  storageClassOf,
  VOLUME_ANNOTATIONS,
  volumeReaches,
  hasModeOf,
  whyUnfit,
  type VolumeSearch,
} from './volumes.ts';
