/** Networks: parameter trees, layers, losses, optimisers, the training loop, checkpoints. */
export * from './parameters.ts';
export * from './initialisers.ts';
export * from './layers/linear.ts';
export * from './layers/mlp.ts';
export * from './layers/convolution.ts';
export * from './layers/norm.ts';
export * from './layers/attention.ts';
export * from './layers/embedding.ts';
export type { RecurrentOptions, RecurrentParameters } from './layers/recurrent.ts';
export * from './layers/lstm.ts';
export * from './layers/gru.ts';
export * from './losses.ts';
export type { Optimizer, UpdateInput, UpdateOutput } from './optimizers/optimizer.ts';
export * from './optimizers/sgd.ts';
export * from './optimizers/adam.ts';
export * from './schedules.ts';
export type { Explain, NotFinite } from './notFinite.ts';
export * from './train.ts';
export { predict, predictor, type Metric, type PredictOptions, type Predictor } from './evaluate.ts';
export {
  compileStep,
  hyperOf,
  initialState,
  stateInBlocks,
  stateOfBlocks,
  trainingStep,
  type LossFunction,
  type LossReduction,
  type StepDefinition,
} from './step.ts';
export { FLUSH_EVERY, flushTiny } from './flush.ts';
export { stepsAtOnce } from './programs.ts';
export { loadParameters, saveParameters } from './files.ts';
export { decodeSafetensors, encodeSafetensors, type TensorFile } from './safetensors.ts';
export * from './export.ts';
