/** Functions that a trained operator shall be applied to: a user's .npz, with or without what should come out. */
import { readNpz } from './npz.ts';
import { gridOf, matrix } from './pairs.ts';

export interface Fields {
  readonly count: number;
  /** Grid [s]. */
  readonly x: Float64Array;
  /** [count, s], row by row. */
  readonly input: Float32Array;
  /** What the operator should make of them, [count, s], where the file has it. */
  readonly output: Float32Array | null;
  /** Name of the array that the functions stand in. */
  readonly array: 'input' | 'test_input';
}

/**
 * The functions in an .npz: `test_input` of a file with splits, else `input`, of shape [n, s]; `test_output` or `output` beside them;
 * x [s] is optional (default j/s).
 *
 * @throws if arrays are missing, shapes do not agree or a number is not finite, naming the array, the sample and the point.
 */
export async function readFields(file: string): Promise<Fields> {
  const arrays = await readNpz(file);
  const array = 'test_input' in arrays ? 'test_input' : 'input';
  if (!arrays[array]) {
    throw new Error(
      `${file}: there is no array "input" or "test_input"; it has ${Object.keys(arrays).join(', ') || 'none'} (see docs/data-format.md)`,
    );
  }
  const { data: input, shape } = matrix(arrays, array, file);
  const [count, s] = shape;
  if (count === 0) throw new Error(`${file}: ${array} has no samples, expected at least one`);
  const beside = array === 'input' ? 'output' : 'test_output';
  const output = beside in arrays ? matrix(arrays, beside, file) : null;
  if (output && output.shape.join() !== shape.join()) {
    throw new Error(
      `${file}: ${array} has shape [${shape.join(', ')}] and ${beside} [${output.shape.join(', ')}]; they must be the same [samples, points]`,
    );
  }
  return { count, x: gridOf(arrays, s, file), input, output: output?.data ?? null, array };
}
