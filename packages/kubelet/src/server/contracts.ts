/** Who calls the kubelet, and what for, in the terms of RBAC on `nodes/<subresource>`. */
export interface KubeletRequest {
  readonly verb: string;
  /** The right to any one of these is enough: `proxy`, `log`, `stats`, `metrics`, `checkpoint`, or a finer one and then `proxy`. */
  readonly subresources: readonly string[];
  /** Of a client certificate that was verified; absent without one. */
  readonly user?: KubeletUser;
  readonly bearerToken?: string;
}

export interface KubeletUser {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Why a caller is sent away, or that it is not. */
export type Verdict =
  | { readonly type: 'allowed' }
  | { readonly type: 'unauthenticated' }
  | { readonly type: 'forbidden'; readonly user: string };

export type Authorize = (request: KubeletRequest) => Promise<Verdict>;
