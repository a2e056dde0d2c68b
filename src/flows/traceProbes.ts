/** Random numbers for stochastic traces in training: what residual and continuous layers take beside the samples. */
import type { NDArray } from '../tensor/index.ts';
import { split, uniform, type Key } from '../tensor/random.ts';

/**
 * An `augment` for `fit` with which the log-determinants of residual layers (and the traces of continuous ones) are estimated from
 * products with the Jacobian: probes ±1 like x, drawn anew for every step by its key; with `roulette` also where the power series stops,
 * which removes the bias of its missing terms (Chen et al. 2019). Gradients of residual layers are those of the Neumann series.
 * Validation, `logProb` and samples stay exact.
 */
export const traceProbes =
  ({ roulette = false }: { readonly roulette?: boolean } = {}) =>
  (batch: Readonly<Record<string, NDArray>>, key: Key): Record<string, NDArray> => {
    const { data, shape } = batch['x'];
    const [signs, ends] = split(key, 2);
    const row = (values: Float64Array, of: readonly number[]): NDArray => ({
      data: Float32Array.from(values),
      shape: of,
      dtype: 'float32',
    });
    return {
      ...batch,
      noise: row(
        uniform(signs, data.length).map((u) => (u < 0.5 ? -1 : 1)),
        shape,
      ),
      ...(roulette && { roulette: row(uniform(ends, shape[0]), [shape[0]]) }),
    };
  };
