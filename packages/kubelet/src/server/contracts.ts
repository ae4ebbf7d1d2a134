/** Who calls the kubelet, and what for, in the terms of RBAC on `nodes/<subresource>`. */
export interface KubeletRequest {
  readonly verb: 'get' | 'create';
  /** `proxy`, `log`, `stats`, `metrics`, `pods`, `healthz` or `configz`. */
  readonly subresource: string;
  /** Of a client certificate that was verified; absent without one. */
  readonly user?: { readonly name: string; readonly groups: readonly string[] };
  readonly bearerToken?: string;
}

/** Why a caller is sent away, or that it is not. */
export type Verdict = 'allowed' | 'unauthenticated' | 'forbidden';

export type Authorize = (request: KubeletRequest) => Promise<Verdict>;
