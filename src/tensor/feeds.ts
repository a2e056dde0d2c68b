/** Arguments of a program against the specs it was compiled for. */
import { castArray, isFloat, type NDArray } from './array.ts';
import { sameShape, showShape } from './shape.ts';
import type { Tensor } from './tensor.ts';
import { flatten, leafPaths, sameStructure } from './tree.ts';

/**
 * The arrays of a tree in the order of `inputs`, floats in their dtype.
 *
 * @throws if the tree is built otherwise than `specs`, or an array does not fit its input.
 */
export function feeder(specs: unknown, inputs: readonly Tensor[]): (args: unknown) => NDArray[] {
  const { structure } = flatten(specs);
  const paths = leafPaths(specs);
  return (args) => {
    const given = flatten<NDArray>(args);
    if (!sameStructure(given.structure, structure)) {
      throw new Error(
        `program: the arguments have leaves ${leafPaths(args).join(', ')}; expected ${paths.join(', ')}`,
      );
    }
    return given.leaves.map((leaf, i) => checkFeed(leaf, inputs[i], paths[i]));
  };
}

function checkFeed(value: NDArray, input: Tensor, path: string): NDArray {
  if (!sameShape(value.shape, input.shape)) {
    throw new Error(
      `program: argument ${path} has shape ${showShape(value.shape)}, compiled for ${showShape(input.shape)}`,
    );
  }
  if (value.dtype === input.dtype) return value;
  if (isFloat(value.dtype) && isFloat(input.dtype)) return castArray(value, input.dtype);
  throw new Error(`program: argument ${path} is ${value.dtype}, compiled for ${input.dtype}`);
}

export const disposed = (): Error =>
  new Error('program: it was disposed and cannot run again; compile a new one');
