import { expect, test } from 'vitest';
import { array, type NDArray } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { planeGrid } from './planeGrid.ts';

test('the statistic tells samples whose coordinates are right one by one, but not together', () => {
  const grid = planeGrid({ points: 160, reach: 6 });
  const [n, rho] = [4000, 0.4];
  const logs = Float64Array.from({ length: 160 * 160 }, (_, i) => {
    const [x, y] = [grid.at.data[2 * i], grid.at.data[2 * i + 1]];
    const square = (x * x - 2 * rho * x * y + y * y) / (1 - rho * rho);
    return -square / 2 - Math.log(2 * Math.PI * Math.sqrt(1 - rho * rho));
  });
  const z = normal(key(1), 2 * n);
  const correlated = (by: number): NDArray =>
    array(
      z.map((v, i) => (i % 2 ? by * z[i - 1] + Math.sqrt(1 - by * by) * v : v)),
      [n, 2],
    );
  expect(grid.kolmogorovSmirnov(logs, correlated(rho))).toBeLessThan(1.63);
  expect(grid.kolmogorovSmirnov(logs, correlated(-rho))).toBeGreaterThan(3);
});
