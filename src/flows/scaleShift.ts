/** Parameters of a scale eˢ and a shift, of any shape; zeros are the identity. */
import { zerosInitialiser } from '../nn/index.ts';
import type { NDArray, Shape } from '../tensor/index.ts';
import type { Key } from '../tensor/random.ts';

export interface ScaleShift<Leaf = NDArray> {
  readonly logScale: Leaf;
  readonly shift: Leaf;
}

export const identityScaleShift = (key: Key, shape: Shape): ScaleShift => ({
  logScale: zerosInitialiser(key, shape),
  shift: zerosInitialiser(key, shape),
});
