/** What a report is made of: the result of an experiment and what its jobs left, as plain data. */
import type {
  Environment,
  ExperimentResult,
  JobResult,
  MetricLine,
  ResultRow,
  RunConfig,
  RunStatus,
} from '../src/runs/schema.ts';

/** A decoded array: `data` holds the product of `shape` values, row-major. */
export interface DecodedArray {
  shape: readonly number[];
  data: ArrayLike<number>;
}

export interface ReportJob {
  /** Name of the run folder. */
  name: string;
  config: RunConfig;
  status: RunStatus;
  metrics: MetricLine[];
  result: JobResult | null;
  environment: Environment | null;
  /** Entries of arrays.npz as `samples` of a job's result in src/runs/schema.ts describes them. */
  arrays: Record<string, DecodedArray> | null;
}

export interface ReportInput {
  /** The environment may be missing while no job has written one. */
  result: Omit<ExperimentResult, 'environment'> & { environment: Environment | null };
  jobs: ReportJob[];
  /** False while a job is running or still to be run, or there is no result of all; the rows are then of what is finished. Default true. */
  complete?: boolean;
  /** What could not be read: shown at the top, so that a gap is not taken for a result. */
  problems?: string[];
}

export type Row = ResultRow;
