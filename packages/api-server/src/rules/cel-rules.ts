import { loadCel } from '@keelson/cel';
import type { SchemaRules } from '../structural/rules.ts';
import { compileTree } from './compiled-rules.ts';
import { checkTree, expressionsIn } from './rule-check.ts';
import { judgeOf } from './rule-judge.ts';

/** `x-kubernetes-validations` in CEL. */
export const CEL_RULES: SchemaRules = {
  async load(schema) {
    if (!schema || expressionsIn(schema).size > 0) await loadCel();
  },
  compile(schema) {
    const tree = compileTree(schema);
    return tree && judgeOf(tree);
  },
  check(schema, path, old) {
    const tree = compileTree(schema);
    return tree ? checkTree(tree, path, expressionsIn(old)) : [];
  },
};
