/** A run: the folder of one training job (see schema.ts for its files). */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { npy, numbersOf } from '../../datasets/npy.ts';
import { encodeNpz, readNpz, writeNpz, type NpzArrays } from '../../datasets/npz.ts';
import { diskError, ensureFolder, readJson, readText, writeFileAtomic, writeJson } from './disk.ts';
import { canonicalJson, contentHash } from './hash.ts';
import { acquireLock, isAlive } from './lock.ts';
import { MetricsLog, parseMetricLines } from './metrics.ts';
import {
  environmentSchema,
  jobResultSchema,
  runConfigSchema,
  runStatusSchema,
  type Environment,
  type JobResult,
  type RunConfig,
  type RunStatus,
} from './schema.ts';

const plain = (text: string): string => text.replace(/[^A-Za-z0-9.]+/g, '-');

/**
 * Name of a job's folder: readable, and told from every other job by a hash of what it computes. The preset is a name for a
 * set of options, not one of them.
 */
export function runName({ model, condition, seed, experiment, options }: RunConfig): string {
  const facts = Object.entries(condition).map(([key, value]) =>
    typeof value === 'string' ? plain(value) : `${plain(key)}${plain(String(value))}`,
  );
  const hash = contentHash({ experiment, model, condition, seed, options });
  return [plain(model), ...facts, `seed${seed}`, hash].join('-');
}

export interface Unfinished {
  /** Completed epochs. */
  readonly epoch: number;
  /** Epochs of the whole training. */
  readonly epochs: number;
  /** The metric on the validation samples after these epochs, null without such samples. */
  readonly validation: number | null;
}

const queued = { state: 'queued', epoch: 0, epochs: 0, pid: null, secondsLeft: null } as const;

export class Run {
  readonly folder: string;
  readonly config: RunConfig;

  private constructor(folder: string, config: RunConfig) {
    this.folder = folder;
    this.config = config;
  }

  /** Opens the run of a configuration below `jobsFolder`, creating it when it is not there. */
  static async create(jobsFolder: string, config: RunConfig): Promise<Run> {
    const checked = runConfigSchema.parse(config);
    const folder = path.join(jobsFolder, runName(checked));
    ensureFolder(folder);
    const run = new Run(folder, checked);
    const existing = await readJson(run.path('config.json'), runConfigSchema);
    if (existing === null) await writeJson(run.path('config.json'), checked);
    else if (canonicalJson({ ...existing, preset: '' }) !== canonicalJson({ ...checked, preset: '' })) {
      throw new Error(
        `${run.path('config.json')} was changed by hand: delete the folder to train this job anew`,
      );
    }
    if ((await run.readStatus()) === null) await run.writeStatus(queued);
    return run;
  }

  /** Opens an existing run. Throws when the folder holds no config.json. */
  static async open(folder: string): Promise<Run> {
    const config = await readJson(path.join(folder, 'config.json'), runConfigSchema);
    if (config === null) throw new Error(`${folder} is not a run folder: it has no config.json`);
    return new Run(folder, config);
  }

  path(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  get name(): string {
    return path.basename(this.folder);
  }

  private get parts(): string {
    return this.path('parts');
  }

  get checkpoints(): string {
    return this.path('checkpoints');
  }

  /**
   * Takes the run for this process and returns the function that gives it back. Removes what writes cut off by a crash
   * left behind.
   *
   * @throws LockedError while another process has it.
   */
  lock(): () => void {
    const release = acquireLock(this.path('lock'), `the job ${this.name}`);
    for (const folder of [this.folder, this.checkpoints, this.parts]) removeTemporary(folder);
    return release;
  }

  metrics(): Promise<MetricsLog> {
    return MetricsLog.open(this.path('metrics.jsonl'));
  }

  /** The status on disk; a run whose process is gone is interrupted, whatever the file says. */
  async readStatus(): Promise<RunStatus | null> {
    const status = await readJson(this.path('status.json'), runStatusSchema);
    if (status?.state === 'running' && (status.pid === null || !isAlive(status.pid)))
      return { ...status, state: 'interrupted' };
    return status;
  }

  writeStatus(status: Omit<RunStatus, 'updatedAt'>): Promise<void> {
    return writeJson(this.path('status.json'), { ...status, updatedAt: new Date().toISOString() });
  }

  /** The environment of the process that ran the job last, or null when none has. */
  readEnvironment(): Promise<Environment | null> {
    return readJson(this.path('environment.json'), environmentSchema);
  }

  writeEnvironment(environment: Environment): Promise<void> {
    return writeJson(this.path('environment.json'), environmentSchema.parse(environment));
  }

  /** Where a training stands that has begun and not come to its end; null of every other run. */
  async unfinished(): Promise<Unfinished | null> {
    const status = await this.readStatus();
    if (!status || status.state === 'finished' || status.epoch === 0 || status.epoch >= status.epochs)
      return null;
    const { epoch, epochs } = status;
    const lines = parseMetricLines((await readText(this.path('metrics.jsonl'))) ?? '');
    return { epoch, epochs, validation: lines.find((line) => line.epoch === epoch)?.validation ?? null };
  }

  /** The result, or null while the job is not finished. */
  readResult(): Promise<JobResult | null> {
    return readJson(this.path('result.json'), jobResultSchema);
  }

  /**
   * The numbers that `work` makes, read from the folder where an earlier process has made them with the same code, engine and threads:
   * what a long job has measured outlives its process. They are gone once the result is written.
   */
  async keep<K extends string>(
    name: string,
    work: () => Promise<Readonly<Record<K, Float64Array>>>,
  ): Promise<Readonly<Record<K, Float64Array>>> {
    const { sextant, commit, engine, threads, libraries } = (await this.readEnvironment()) ?? {};
    const maker = contentHash({ sextant, commit, engine, threads, libraries });
    const file = path.join(this.parts, `${plain(name)}-${maker}.npz`);
    if (existsSync(file)) return mapRecord(await readNpz(file), numbersOf) as Record<K, Float64Array>;
    const made = await work();
    ensureFolder(this.parts);
    await writeFileAtomic(file, encodeNpz(mapRecord(made, (values) => npy(values))));
    return made;
  }

  /** Writes the result last of all: its presence means that everything else is complete. */
  async writeResult(result: JobResult, arrays: NpzArrays | null): Promise<void> {
    if (arrays) await writeNpz(this.path('arrays.npz'), arrays);
    await writeJson(this.path('result.json'), jobResultSchema.parse(result));
    await rm(this.parts, { recursive: true, force: true });
  }

  readArrays(): Promise<NpzArrays> {
    return readNpz(this.path('arrays.npz'));
  }
}

const mapRecord = <A, B>(record: Readonly<Record<string, A>>, f: (value: A, name: string) => B) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));

function removeTemporary(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    // Nothing has been written there yet.
    return;
  }
  for (const name of names.filter((entry) => entry.endsWith('.tmp'))) {
    try {
      rmSync(path.join(folder, name), { force: true });
    } catch (error) {
      throw diskError('delete', path.join(folder, name), error);
    }
  }
}
