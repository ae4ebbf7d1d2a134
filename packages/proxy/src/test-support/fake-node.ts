import { KeelsonError } from '@keelson/base';
import type { Command, CommandResult, CommandRunner } from '../command-runner.ts';

const OK: CommandResult = { code: 0, stdout: '', stderr: '' };

/** Answers commands out of a table, by `file args` or by `file`; those not in it succeed and say nothing. */
export class FakeNode {
  readonly commands: Command[] = [];
  readonly answers = new Map<string, Partial<CommandResult> | Error>();

  readonly run: CommandRunner = async (command) => {
    this.commands.push(command);
    const answer = this.answers.get(lineOf(command)) ?? this.answers.get(command.file);
    if (answer instanceof Error) throw answer;
    return { ...OK, ...answer };
  };

  /** Says that there is no such program. */
  without(...files: readonly string[]): this {
    for (const file of files) {
      const missing = new KeelsonError('NotFound', `Cannot run "${file}": there is no such program`);
      this.answers.set(file, missing).set(`${file} --version`, missing);
    }
    return this;
  }

  answer(line: string, answer: Partial<CommandResult> | Error): this {
    this.answers.set(line, answer);
    return this;
  }

  /** The commands so far, as lines. */
  get lines(): string[] {
    return this.commands.map(lineOf);
  }
}

function lineOf({ file, args }: Command): string {
  return [file, ...args].join(' ');
}
