import { KeelsonError } from '@keelson/base';

/** What the files of a new operator are called and call things. */
export interface Names {
  /** Of the project, its image and its service account: `website-operator`. */
  readonly project: string;
  /** `Website` */
  readonly kind: string;
  /** `website`, in files and variables. */
  readonly file: string;
  /** `websites` */
  readonly plural: string;
  /** `example.com` */
  readonly group: string;
}

export function namesOf({ project, kind, group }: Pick<Names, 'project' | 'kind' | 'group'>): Names {
  check(project, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'project', 'lower-case letters, digits and dashes');
  check(kind, /^[A-Z][A-Za-z0-9]*$/, 'kind', 'a word in CamelCase, such as Website');
  check(group, /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\.[a-z0-9-]+$/, 'group', 'a domain, such as example.com');
  const file = kind.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
  return { project, kind, file, plural: `${kind.toLowerCase()}s`, group };
}

function check(value: string, pattern: RegExp, what: string, wanted: string): void {
  if (!pattern.test(value)) throw new KeelsonError('BadRequest', `Cannot use "${value}" as the ${what}: it has to be ${wanted}`);
}
