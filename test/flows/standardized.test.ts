import { expect, test } from 'vitest';
import { entryMoments } from '../../src/flows/moments.ts';
import { getDensity, standardized } from '../../src/flows/index.ts';
import { array, type Tensor } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { batchJacobian, evaluate, largestDifference, logDeterminants, perturb } from './support.ts';

test('moments of entries; one that never changes has a variance of exactly 0', () => {
  const odd = 0.1 + 0.2;
  const { mean, variance } = entryMoments([1, odd, 3, odd, 8, odd], 2);
  expect([...mean]).toEqual([4, odd]);
  expect(variance[0]).toBeCloseTo((9 + 1 + 16) / 3, 12);
  expect(variance[1]).toBe(0);
});

/**
 * At the sample g(r) of standard normal rows r the density is N(r) / √det JᵀJ, J the Jacobian of g, whatever the model: by volume for
 * a square J, by area for a tall one.
 */
test.each([
  ['real-nvp', [2], [0.7, -0.4]],
  ['cef', [3], [0.6, 0.6, 0.6]],
])('%s behind a map of scales keeps the unit of its density', async (name, shape, logScale) => {
  const model = standardized(getDensity(name).create({ shape, context: 0 }));
  const p = perturb(model.init(key(1)), 2, 0.2);
  const size = shape[0];
  const scale = { logScale: array(logScale, [size]), shift: array(Array<number>(size).fill(0.3), [size]) };
  const n = 9;
  const rows = model.draw(key(3), n);
  const [, m] = rows.shape;
  const { x, jacobian } = await evaluate(
    (q: never, r: Tensor) => ({
      x: model.sample(q, r),
      jacobian: batchJacobian((v) => model.sample(q, v), r),
    }),
    [{ ...(p as object), scale }, rows],
  );
  const { density } = await evaluate(
    (q: never, v: Tensor) => ({ density: model.logProb(q, v) }),
    [{ ...(p as object), scale }, x],
  );
  const gram = new Float64Array(n * m * m);
  for (let b = 0; b < n; b++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < m; j++)
        for (let o = 0; o < size; o++)
          gram[(b * m + i) * m + j] +=
            jacobian.data[(b * size + o) * m + i] * jacobian.data[(b * size + o) * m + j];
  const determinants = logDeterminants(array(gram, [n, m, m]));
  const expected = Float64Array.from(determinants, (d, b) => {
    const squares = [...rows.data.slice(b * m, (b + 1) * m)].reduce((total, v) => total + Number(v) ** 2, 0);
    return -squares / 2 - (m / 2) * Math.log(2 * Math.PI) - d / 2;
  });
  // Elimination of JᵀJ has the square of the condition of J.
  expect(largestDifference(density.data, expected)).toBeLessThan(1e-6);
});
