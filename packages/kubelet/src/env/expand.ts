/**
 * Replaces `$(NAME)` by the variable's value. `$$` stands for one `$`, so that `$$(NAME)` stays as `$(NAME)`; a name that is not known is
 * left as it was written.
 */
export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (found, after: string, name: string | undefined) => {
    if (after === '$') return '$';
    return lookUp(name ?? '') ?? found;
  });
}
