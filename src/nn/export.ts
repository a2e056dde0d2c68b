/** A trained model as a file for other runtimes. */
import { exportOnnx, spec, type DType, type Shape, type Tensor } from '../tensor/index.ts';
import { requireCount } from './evaluate.ts';
import { constantsOf, type TensorsOf } from './parameters.ts';

export interface ExportOptions {
  /** Shape of one input sample, without the batch axis. */
  readonly inputShape: Shape;
  /** The batch size is fixed in the file; default 1. */
  readonly batchSize?: number | undefined;
  /** Default float32; int32 for token ids. */
  readonly inputDType?: DType | undefined;
  /** Default 'input'. */
  readonly inputName?: string | undefined;
  /** Default 'output'. */
  readonly outputName?: string | undefined;
}

/** apply(params, input) with the parameters baked in, as the bytes of a plain `.onnx` model (standard operators only). */
export function exportModel<P>(
  apply: (params: TensorsOf<P>, input: Tensor) => Tensor,
  params: P,
  {
    inputShape,
    batchSize = 1,
    inputDType = 'float32',
    inputName = 'input',
    outputName = 'output',
  }: ExportOptions,
): Uint8Array {
  requireCount('exportModel', 'batchSize', batchSize);
  return exportOnnx(
    (input: Tensor) => apply(constantsOf(params), input),
    [spec([batchSize, ...inputShape], inputDType)],
    { names: [inputName], outputNames: [outputName] },
  );
}
