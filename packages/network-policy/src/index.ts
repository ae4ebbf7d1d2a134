export {
  NetworkPolicyEnforcer,
  networkPolicyObstacle,
  removeNetworkPolicyRules,
  type NetworkPolicyDependencies,
  type NetworkPolicyOptions,
} from './network-policy-enforcer.ts';
