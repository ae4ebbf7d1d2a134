import { existsSync, globSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Project, root } from './workspace.ts';

/** `tsc -b` leaves the outputs of sources that are gone; they would be published. */
export function removeStaleOutputs({ dir }: Project): void {
  for (const output of globSync(`${dir}/dist/**/*.{js,d.ts,js.map,d.ts.map}`, { cwd: root })) {
    const source = output.replace(`${dir}/dist/`, `${dir}/src/`).replace(/\.(?:js|d\.ts)(?:\.map)?$/, '.ts');
    if (!existsSync(join(root, source))) rmSync(join(root, output));
  }
}
