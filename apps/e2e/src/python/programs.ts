import type { CaseTable, ShellCase } from '../testing/shell-case.ts';

/** A program that ends well if all that it checks is so. */
const program = (file: string, title: string): ShellCase => ({
  title,
  steps: [{ run: `/usr/bin/python3 programs/${file}.py`, prints: /^done$/m }],
});

/** What needs no real containers. */
export const PROGRAMS: CaseTable = {
  objects: [
    program('crud', 'creates, reads, lists, replaces and deletes'),
    program('kinds', 'decodes and checks what there is of 24 kinds'),
    program('yaml_files', 'creates what is in a YAML file'),
    program('dynamic_client', 'works with any kind by what discovery says'),
    program('custom_objects', 'defines a kind of its own, and uses it'),
  ],
  patch: [program('patches', 'merge, strategic merge, JSON, server-side apply')],
  watch: [program('watches', 'tells of what happens; says that a resource version is too old')],
  log: [program('logs', 'reads and follows')],
  exec: [program('commands', 'commands with their output and exit code, and a shell on a terminal')],
  'port-forward': [program('port_forwards', 'speaks HTTP through it')],
};

/** What needs real containers, or shows more with them. */
export const PROGRAMS_REAL: CaseTable = {
  exec: [program('commands', 'the same in real containers')],
  attach: [program('attaches', 'writes to a program and reads its answer')],
  'port-forward': [program('port_forwards', 'speaks HTTP with a real container')],
};
