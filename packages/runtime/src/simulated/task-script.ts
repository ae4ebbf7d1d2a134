import type { Clock } from '@keelson/base';
import type { ContainerConfig } from '../container-runtime.ts';
import { annotationOf } from './script.ts';
import { runCommand } from './simulated-commands.ts';

/** Time that passes at once, and is summed up. Ends in an error if it would never end. */
class SummedTime implements Pick<Clock, 'now' | 'sleep'> {
  ms = 0;
  readonly #startMs: number;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.ms;
  }

  async sleep(delayMs: number): Promise<void> {
    this.ms += delayMs;
    if (this.ms === Infinity) throw new Error('runs on');
  }
}

/** What a shell does that is not simulated: which way it goes depends on what is not there. */
const BRANCHES = /(?:^|[\s;&|])(?:if|for|case|function)\s|\(\)\s*\{/;
const RUNS_ON = /\bwhile (?:true|:)|\bsleep inf|\btail -\w*[fF]/;

/**
 * What a container that is meant to end does, as annotations for `scriptOf`: its command is run beforehand, and what it would sleep is how long it
 * will run. Without a command, or by a script with branches, it ends well and at once. Nothing for one that runs on.
 */
export async function taskScript(
  config: ContainerConfig,
  { hostname, now }: { readonly hostname: string; readonly now: number },
): Promise<Readonly<Record<string, string>>> {
  const time = new SummedTime(now);
  const command = [...config.command, ...config.args];
  const of = (what: string) => annotationOf(config.name, what);
  const script = command.join(' ');
  if (command.length === 0 || BRANCHES.test(script)) return RUNS_ON.test(script) ? {} : { [of('run-seconds')]: '0' };
  const result = await runCommand(command, { config, hostname, clock: time, otherExitCode: 0 }).catch(() => undefined);
  if (!result) return {};
  const printed = (result.stdout + result.stderr).replace(/\n$/, '');
  return {
    [of('run-seconds')]: String(time.ms / 1000),
    [of('exit-code')]: String(result.exitCode),
    ...(printed !== '' && { [of('logs')]: printed }),
  };
}
