export {
  ADMISSION_MUTATOR,
  ADMISSION_VALIDATOR,
  type AdmissionMutator,
  type AdmissionOperation,
  type AdmissionRequest,
  type AdmissionValidator,
} from './admission/admission.ts';
export { ApiServer, type ApiServerDependencies, type ApiServerExtensions, type ApiServerOptions } from './api-server.ts';
export type {
  AuthenticationRequest,
  Authenticator,
  AuthorizationAttributes,
  AuthorizationDecision,
  Authorizer,
  TokenIssuer,
} from './auth/contracts.ts';
export { ClientCertificateAuthenticator, StaticTokenAuthenticator } from './auth/authenticators.ts';
export { ClusterAuth, type ClusterAuthDependencies, type ClusterAuthOptions } from './auth/cluster-auth.ts';
export {
  ensureCertificate,
  ensureCredentials,
  namesOf,
  writeFileAtomic,
  type CredentialsOptions,
  type ServerCredentials,
} from './auth/credentials.ts';
export { LegacyTokens, type LegacyTokenSubject } from './auth/legacy-tokens.ts';
export { RbacAuthorizer, type RoleSource } from './auth/rbac.ts';
export { RoleIndex } from './auth/role-index.ts';
export { ServiceAccountTokens } from './auth/service-account-tokens.ts';
export { virtualKind, type VirtualKind } from './custom/virtual-kind.ts';
export { ensureObjects } from './bootstrap/ensure-objects.ts';
export { joiningObjects } from './bootstrap/joining.ts';
export { bootstrapObjects, firstAddress, type BootstrapObject, type BootstrapOptions } from './bootstrap/objects.ts';
export type { Intercepted, RequestInterceptor } from './dispatch/interceptor.ts';
export { HttpFrontend, type HttpFrontendOptions, type TlsOptions } from './http/http-frontend.ts';
export type { HealthCheck } from './http/health.ts';
export { API_SERVER_USER, Loopback } from './loopback.ts';
export { Proxies, type ProxiesDependencies } from './proxy/proxies.ts';
export { Registry, type RegistryChange } from './registry/registry.ts';
export type { Column, ResourceDefinition } from './registry/resource-definition.ts';
export type { Companions, NameRule, Strategy, StrategyContext, UserInfo } from './registry/strategy.ts';
export { VIRTUAL_RESOURCE, type VirtualCaller, type VirtualResource } from './registry/virtual-resource.ts';
export type { ApiRequest, RequestBody } from './request/api-request.ts';
export { PATH_HANDLER, type PathHandler } from './request/path-handler.ts';
export type { RequestInfo } from './request/request-info.ts';
export type { ApiResult, ConnectResult, ContentResult, HttpExchange, WatchResult, WatchSink } from './response/api-result.ts';
export {
  KubeletConnection,
  kubeletAddress,
  type KubeletCall,
  type KubeletConnectionOptions,
} from './streams/kubelet-connection.ts';
export { PodStreams } from './streams/pod-streams.ts';
export { SUBRESOURCE_CONNECTOR, type ConnectRequest, type SubresourceConnector } from './subresources/connector.ts';
export { API_SERVER, AUTHENTICATOR, AUTHORIZER, CLUSTER_AUTH, KUBELET_CONNECTION, LOOPBACK, TOKEN_ISSUER } from './tokens.ts';
