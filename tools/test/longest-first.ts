import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Suites of minutes, which mostly wait: begun last, nothing would be left to run beside them. */
const LONGEST: readonly string[] = ['packages/proxy/src/ipvs/ipvs-mode.lab.test.ts'];

/** Vitest's own order, but for the longest suites. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONGEST.some((name) => moduleId.endsWith(name));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
