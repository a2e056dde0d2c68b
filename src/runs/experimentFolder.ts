/** An experiment's folder: what was asked for, the runs, the result (see schema.ts for its files). */
import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { diskError, ensureFolder, errorCode, readJson, writeJson } from './disk.ts';
import { contentHash } from './hash.ts';
import { Run } from './run.ts';
import { experimentResultSchema, repetitionSchema, type ExperimentResult, type RunConfig } from './schema.ts';

/** experiment.json. */
export const experimentConfigSchema = z.object({
  experiment: z.string(),
  preset: z.string(),
  title: z.string(),
  source: z.string(),
  repetition: repetitionSchema,
  /** The command that runs everything in this folder. */
  command: z.string(),
  /** Validated configuration; its axes name every model, condition and seed that was ever asked for here. */
  configuration: z.record(z.string(), z.unknown()),
  /**
   * Names of the run folders that the configuration asks for, with the data as they are now. Run folders beside them are of
   * other data or options: they are kept, and no part of the result. Missing until the data are prepared.
   */
  jobs: z.array(z.string()).optional(),
});
export type ExperimentConfig = z.infer<typeof experimentConfigSchema>;

export class ExperimentFolder {
  readonly path: string;

  private constructor(folder: string) {
    this.path = folder;
  }

  /**
   * The folder of an experiment below `runsFolder`, created when it is not there. `identity` is the part of the
   * configuration that all its jobs share: a command that asks for more seeds finds the folder of the one before.
   */
  static create(runsFolder: string, experiment: string, preset: string, identity: unknown): ExperimentFolder {
    const folder = path.join(runsFolder, `${experiment}-${preset}-${contentHash({ experiment, identity })}`);
    ensureFolder(path.join(folder, 'jobs'));
    return new ExperimentFolder(folder);
  }

  get jobsFolder(): string {
    return path.join(this.path, 'jobs');
  }

  readConfig(): Promise<ExperimentConfig | null> {
    return readJson(path.join(this.path, 'experiment.json'), experimentConfigSchema);
  }

  writeConfig(config: ExperimentConfig): Promise<void> {
    return writeJson(path.join(this.path, 'experiment.json'), experimentConfigSchema.parse(config));
  }

  run(config: RunConfig): Promise<Run> {
    return Run.create(this.jobsFolder, config);
  }

  /** All runs in the folder, by name. Throws when one is damaged. */
  async runs(): Promise<Run[]> {
    try {
      const entries = await readdir(this.jobsFolder, { withFileTypes: true });
      const folders = entries
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort();
      return await Promise.all(folders.map((name) => Run.open(path.join(this.jobsFolder, name))));
    } catch (error) {
      throw errorCode(error) ? diskError('list', this.jobsFolder, error) : error;
    }
  }

  readResult(): Promise<ExperimentResult | null> {
    return readJson(path.join(this.path, 'result.json'), experimentResultSchema);
  }

  writeResult(result: ExperimentResult): Promise<void> {
    return writeJson(path.join(this.path, 'result.json'), experimentResultSchema.parse(result));
  }

  /** Removes the folder where it has no jobs, not even those of another process: there was nothing to run. */
  async removeUnused(): Promise<void> {
    const isUnused = await rmdir(this.jobsFolder).then(
      () => true,
      () => false,
    );
    if (isUnused) await rm(this.path, { recursive: true, force: true });
  }

  /** Deletes result and report: they say nothing of the jobs that are about to run. */
  async clearResult(): Promise<void> {
    for (const name of ['result.json', 'report.html']) {
      const file = path.join(this.path, name);
      try {
        await rm(file, { force: true });
      } catch (error) {
        throw diskError('delete', file, error);
      }
    }
  }
}
