import type { RequestInterceptor, UserInfo } from '@keelson/api-server';
import { errorMessage, isReason } from '@keelson/base';

/** A kubelet may ask once more for what a pod needed that is gone. */
const GONE = 'no relationship found between node';

/**
 * The users that the parts of a cluster act as. What authorization refuses one of them, or what kubelets are refused because they are those of other nodes,
 * is a problem of the cluster, whatever the part makes of it.
 */
export class OwnParts {
  readonly #users = new Set<UserInfo>();
  readonly #report: (text: string) => void;

  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  add(user: UserInfo): UserInfo {
    this.#users.add(user);
    return user;
  }

  /** To be given to the API server. */
  readonly interceptor: RequestInterceptor = async ({ request }, next) => {
    try {
      return await next();
    } catch (error) {
      // Admission says Forbidden too, as when a namespace goes or a quota is used up; that is in order.
      if (isReason(error, 'Forbidden') && this.#users.has(request.user) && isRefusal(errorMessage(error), request.user)) {
        this.#report(errorMessage(error));
      }
      throw error;
    }
  };
}

function isRefusal(message: string, { name }: UserInfo): boolean {
  if (message.includes(GONE)) return false;
  const node = name.replace('system:node:', '');
  return message.includes(`User "${name}" cannot `) || (node !== name && message.includes(` is forbidden: node "${node}" `));
}
