/** What an output has to contain, or to match. */
export type Expected = string | RegExp;

/** One line for the shell, and what it has to do. */
export interface Step {
  /** A command line for bash. */
  readonly run: string;
  /** Of the standard output. */
  readonly prints?: Expected | readonly Expected[];
  /** Of the standard error. */
  readonly complains?: Expected | readonly Expected[];
  /** The exit code; 0 if absent. */
  readonly code?: number;
  /** Run it again until it does all that: for what a controller or a kubelet does in its own time. */
  readonly eventually?: true;
}

/** What a person does with a client, in a namespace and a directory of its own. */
export interface ShellCase {
  readonly title: string;
  /** The only client version that has what this uses; all if absent. */
  readonly only?: string;
  readonly steps: readonly Step[];
}

/** Cases by the command that they are about. */
export type CaseTable = Readonly<Record<string, readonly ShellCase[]>>;
