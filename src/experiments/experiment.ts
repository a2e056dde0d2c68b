/**
 * An experiment: one published table or figure as data and three functions. It says which jobs there are, how one job is run
 * and how the finished jobs become rows; scheduling, resuming, storing and printing are done for all experiments alike.
 */
import type { z } from 'zod';
import type { NpzArrays } from '../../datasets/npz.ts';
import type {
  Check,
  ExperimentResult,
  JobResult,
  MetricLine,
  ResultRow,
  RunConfig,
  Run,
} from '../runs/index.ts';
import type { EngineName } from '../tensor/index.ts';
import type { Checkpoint, TrainedOperator } from './trainedOperator.ts';

/** A trained model as an ONNX file. */
export interface ExportedModel {
  readonly bytes: Uint8Array;
  /** Names of inputs and outputs with their shapes, for people. */
  readonly signature: string;
  /** The checkpoint that was taken: where a run keeps but one of them, not always the one that was asked for. */
  readonly checkpoint: Checkpoint;
}

/** What a job is, before it has a folder. */
export type JobConfig = Omit<RunConfig, 'experiment' | 'preset'>;

export type DataFacts = ExperimentResult['data'];

export interface PrepareContext {
  readonly signal: AbortSignal;
  readonly threads: number;
  /** done of total units of one named piece of work. */
  readonly onProgress: (progress: {
    readonly label: string;
    readonly done: number;
    readonly total: number;
  }) => void;
}

export interface JobContext {
  readonly run: Run;
  readonly config: RunConfig;
  readonly signal: AbortSignal;
  readonly engine: EngineName;
  readonly threads: number;
  /** Records one epoch of `epochs`: metrics.jsonl, status.json, progress. Await it before the next epoch. */
  onEpoch: (line: MetricLine, epochs: number) => Promise<void>;
  /** Shows work that has no epochs: `done` of `total` pieces of one part of the job. */
  onPart: (label: string, done: number, total: number) => void;
  /** Puts the lines of a resumed training in the place of what metrics.jsonl holds. */
  onResume: (history: readonly MetricLine[]) => Promise<void>;
}

export interface JobOutput {
  readonly result: Omit<JobResult, 'config'>;
  readonly arrays: NpzArrays | null;
}

export interface Summary {
  readonly rows: readonly ResultRow[];
  readonly checks: readonly Check[];
  readonly notes: readonly string[];
  readonly figures?: ExperimentResult['figures'];
}

export interface Preset<C> {
  /** One line for `--help`. */
  readonly description: string;
  readonly values: Partial<C>;
}

/** What is otherwise where a user’s own data (`--data`) take the place of those of the presets. */
export interface OwnData {
  /** Of the results: nothing is published about these data. */
  readonly title: string;
  /** Keys that say how data are made, without effect on these: refused where they are given. */
  readonly unused: readonly string[];
  /** What stands in the place of the preset's values, which do not fit these data, where nothing is given. */
  readonly defaults: Readonly<Record<string, () => Promise<unknown>>>;
}

export interface ExperimentDefinition<Schema extends z.ZodObject> {
  readonly title: string;
  /** Where the published numbers stand. */
  readonly source: string;
  /**
   * Everything that can be chosen; each entry is a flag of `sextant bench` (camelCase becomes --kebab-case, arrays are
   * lists with commas), its `.describe()` the help text.
   */
  readonly configuration: Schema;
  /** Arrays of the configuration that say which jobs there are; asking for more of them extends an experiment. */
  readonly axes: readonly (keyof z.output<Schema> & string)[];
  readonly presets: Readonly<Record<string, Preset<z.input<Schema>>>>;
  /**
   * Another experiment of the same configuration, under whose name folders and jobs are filed: what the one has trained, the
   * other does not train again. Default the experiment's own name.
   */
  readonly jobsOf?: string;
  /** What a seed is called where it stands for more than random numbers, in one word, as reports say it: `fold`. */
  readonly repetition?: string;
  /** Refuses configurations that no job could run, in one sentence. */
  check?(config: z.output<Schema>): void;
  /** Null where the data are those of the presets. */
  ownData?(config: z.output<Schema>): OwnData | null;
  /** One form for all configurations of one meaning: a value left to its default and the same value given. */
  normalize?(config: z.output<Schema>): z.output<Schema>;
  /** Work shared by all jobs (generating data), before they start; must leave it where jobs find it. */
  prepare?(config: z.output<Schema>, context: PrepareContext): Promise<DataFacts>;
  /** The jobs, given what `prepare` found out about the data. */
  jobs(config: z.output<Schema>, data: DataFacts): readonly JobConfig[];
  /** Runs one job, or continues it from the checkpoints in its folder. Throws the signal's reason when aborted. */
  runJob(context: JobContext): Promise<JobOutput>;
  /** The trained model of a run as an ONNX file, where there is one. */
  exportRun?(
    run: Run,
    options: { readonly checkpoint: Checkpoint; readonly batchSize: number },
  ): Promise<ExportedModel>;
  /** The trained operator of a run, where it is one. */
  openOperator?(run: Run, checkpoint: Checkpoint): Promise<TrainedOperator>;
  /** Rows, checks and notes of what is finished; `data` is what `prepare` found out. */
  summarize(finished: readonly JobResult[], config: z.output<Schema>, data?: DataFacts): Summary;
}

export interface Experiment<Schema extends z.ZodObject = z.ZodObject> extends ExperimentDefinition<Schema> {
  readonly name: string;
}

/** Defines an experiment; its file exports it as default and lies in `definitions/`. */
export function experiment<Schema extends z.ZodObject>(
  name: string,
  definition: ExperimentDefinition<Schema>,
): Experiment {
  if (!Object.keys(definition.presets).length) throw new Error(`experiment ${name}: it has no preset`);
  // The registry holds experiments of all configurations; each only ever sees what its own schema parsed.
  return { name, ...definition };
}
