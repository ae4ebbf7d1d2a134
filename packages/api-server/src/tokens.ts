import { token } from '@keelson/base';
import type { ApiServer } from './api-server.ts';
import type { Authenticator, Authorizer, TokenIssuer } from './auth/contracts.ts';

export const API_SERVER = token<ApiServer>('@keelson/api-server:ApiServer');
/** Bound many times; asked in the order of binding. */
export const AUTHENTICATOR = token<Authenticator>('@keelson/api-server:Authenticator');
export const AUTHORIZER = token<Authorizer>('@keelson/api-server:Authorizer');
export const TOKEN_ISSUER = token<TokenIssuer>('@keelson/api-server:TokenIssuer');
