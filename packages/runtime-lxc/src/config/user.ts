import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KeelsonError } from '@keelson/base';
import { resolveInRoot } from './root-path.ts';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly home: string;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * Who `uid`, `uid:gid`, a name or `name:group` is, by the image's own list of users. A user that is listed has the groups that list it as a
 * member, and those that are asked for besides.
 */
export async function resolveUser(tree: string, user: string, supplementalGroups: readonly number[]): Promise<ResolvedUser> {
  const [name = '', group = ''] = user.split(':');
  const accounts = parseAccounts(await textIn(tree, '/etc/passwd'));
  const groups = (await textIn(tree, '/etc/group')).split('\n').map((line) => line.split(':'));
  const account = findAccount(accounts, name === '' ? '0' : name);
  const gid = group === '' ? account.gid : groupId(groups, group);
  const memberOf = groups
    .filter(([, , , members = '']) => account.name !== '' && members.split(',').includes(account.name))
    .map(([, , id]) => Number(id));
  const { uid, home } = account;
  return { uid, gid, groups: [...new Set([...supplementalGroups, ...memberOf])], home };
}

function findAccount(accounts: readonly Account[], name: string): Account {
  const isNumber = /^\d+$/.test(name);
  const found = accounts.find((account) => (isNumber ? account.uid === Number(name) : account.name === name));
  if (found) return found;
  if (!isNumber) throw new KeelsonError('BadRequest', `unable to find user ${name}: no matching entries in passwd file`);
  return { name: '', uid: Number(name), gid: 0, home: '/' };
}

function groupId(groups: readonly (readonly string[])[], group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const found = groups.find(([name]) => name === group);
  if (!found) throw new KeelsonError('BadRequest', `unable to find group ${group}: no matching entries in group file`);
  return Number(found[2]);
}

function parseAccounts(text: string): readonly Account[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uid, gid, , home = ''] = line.split(':');
    return uid === undefined || gid === undefined ? [] : [{ name, uid: Number(uid), gid: Number(gid), home: home || '/' }];
  });
}

async function textIn(tree: string, path: string): Promise<string> {
  return readFile(join(tree, resolveInRoot(tree, path)), 'utf8').catch(() => '');
}
