import { readFile } from 'node:fs/promises';
import { errorMessage, KeelsonError } from '@keelson/base';
import { readConfiguration, type ConfiguredOptions } from '@keelson/kubelet';
import { parse } from 'yaml';

/** Reads a `KubeletConfiguration` in YAML or JSON. Rejects with the file's name and what is wrong with it. */
export async function kubeletOf(file: string): Promise<ConfiguredOptions> {
  try {
    return readConfiguration(parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new KeelsonError('BadRequest', `Cannot take "${file}" for kubelets: ${errorMessage(cause)}`, { cause });
  }
}
