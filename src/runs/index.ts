/** The run store: configuration, metrics, checkpoints, arrays and provenance of every job, on disk. */
export * from './schema.ts';
export {
  diskError,
  ensureFolder,
  errorCode,
  readJson,
  readText,
  writeFileAtomic,
  writeJson,
} from './disk.ts';
export { captureEnvironment, installedVersion, version } from './environment.ts';
export { ExperimentFolder, type ExperimentConfig } from './experimentFolder.ts';
export { canonicalJson, contentHash } from './hash.ts';
export { acquireLock, isAlive, LockedError } from './lock.ts';
export { MetricsLog, parseMetricLines, parseMetrics } from './metrics.ts';
export { NOISE_LEVEL, noiseOfDifference, noiseOfMean } from './noise.ts';
export { Run, runName, type Unfinished } from './run.ts';
