import { token } from '@keelson/base';
import type { ApiServer } from './api-server.ts';
import type { ClusterAuth } from './auth/cluster-auth.ts';
import type { Authenticator, Authorizer, TokenIssuer } from './auth/contracts.ts';
import type { Loopback } from './loopback.ts';
import type { KubeletConnection } from './streams/kubelet-connection.ts';

export const API_SERVER = token<ApiServer>('@keelson/api-server:ApiServer');
/** Bound many times; asked in the order of binding. */
export const AUTHENTICATOR = token<Authenticator>('@keelson/api-server:Authenticator');
export const AUTHORIZER = token<Authorizer>('@keelson/api-server:Authorizer');
export const TOKEN_ISSUER = token<TokenIssuer>('@keelson/api-server:TokenIssuer');
/** If bound, its parts are the server's; what is bound to the tokens above goes before them. */
export const CLUSTER_AUTH = token<ClusterAuth>('@keelson/api-server:ClusterAuth');
export const KUBELET_CONNECTION = token<KubeletConnection>('@keelson/api-server:KubeletConnection');
export const LOOPBACK = token<Loopback>('@keelson/api-server:Loopback');
