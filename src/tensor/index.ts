/** The tensor core: symbolic tensors, transforms, engines. */
export * from './array.ts';
export * from './complexArray.ts';
export * from './shape.ts';
export {
  asTensor,
  constant,
  defaultDType,
  ones,
  placeholder,
  Tensor,
  zeros,
  zerosLike,
  type Operand,
} from './tensor.ts';
export { flatten, leafPaths, mapTree, unflatten, type MapLeaves, type TensorTree } from './tree.ts';
export { allOps } from './op.ts';
export {
  compile,
  exportOnnx,
  spec,
  specsOf,
  type CompileOptions,
  type Program,
  type Spec,
} from './compile.ts';
export { compileAt } from './staged.ts';
export { compileScan, type Scan, type Turn } from './scan.ts';
export { engineNames } from './engines/load.ts';
export type { EngineName } from './engines/engine.ts';
export * from './ops/arithmetic.ts';
export * from './ops/logic.ts';
export * from './ops/reduction.ts';
export * from './ops/matmul.ts';
export { loop, type LoopTurn } from './ops/loop.ts';
export { after, stopGradient } from './ops/identity.ts';
export {
  broadcastTo,
  concat,
  expandDims,
  moveAxis,
  reshape,
  squeeze,
  stack,
  tileLeading,
  transpose,
} from './ops/shape.ts';
export { pad, reverse, roll, slice, sliceAxis, split, take } from './ops/slice.ts';
export * from './transforms/reverse.ts';
export * from './transforms/forward.ts';
export { vmap } from './transforms/vmap.ts';
export * from './transforms/jacobian.ts';
export * from './transforms/custom.ts';
export * from './ops/indexing.ts';
export * from './ops/softmax.ts';
export * from './ops/linalg.ts';
export * from './functions/einsum.ts';
export * from './functions/activations.ts';
export {
  conv,
  convTranspose,
  type ConvolutionOptions,
  type TransposedConvolutionOptions,
} from './ops/convolution.ts';
export * as complex from './functions/complex.ts';
export type { Complex } from './functions/complex.ts';
export * from './functions/fourier.ts';
export * from './functions/pooling.ts';
export * from './functions/normalization.ts';
