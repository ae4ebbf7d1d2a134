import type { RequestInterceptor, UserInfo } from '@keelson/api-server';
import { errorMessage, isReason } from '@keelson/base';

/** The users that the parts of a cluster act as. What RBAC refuses one of them is a problem of the cluster, whatever the part makes of it. */
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
      const isRefused = isReason(error, 'Forbidden') && errorMessage(error).includes(`User "${request.user.name}" cannot `);
      if (isRefused && this.#users.has(request.user)) this.#report(errorMessage(error));
      throw error;
    }
  };
}
