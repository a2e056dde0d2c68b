/** Experiments: what is published, what is measured, and the machinery that runs them. */
export { benchmark, type BenchmarkEvent, type BenchmarkOptions, type BenchmarkOutcome } from './benchmark.ts';
export {
  commandOf,
  ConfigurationError,
  configure,
  configureOnData,
  explainIssue,
  flagOf,
  type Configuration,
} from './configuration.ts';
export {
  experiment,
  type Experiment,
  type JobConfig,
  type JobContext,
  type JobOutput,
} from './experiment.ts';
export { experiments, findExperiment, loadDefinition, type RegisteredExperiment } from './registry.ts';
export type { JobProgress } from './execute.ts';
export type { JobOutcome } from './scheduler.ts';
