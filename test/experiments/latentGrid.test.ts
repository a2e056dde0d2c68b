import { expect, test } from 'vitest';
import {
  gridStroke,
  latentGridCurves,
  latentGridOf,
  latentSquare,
} from '../../src/experiments/latentGrid.ts';
import { flow, getDensity, toData, type Flow } from '../../src/flows/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { array } from '../../src/tensor/index.ts';

test('the stroke goes along every line of the grid, without a jump and without a diagonal', () => {
  const { data, shape } = gridStroke();
  const points = Array.from({ length: shape[0] }, (_, i) => [data[2 * i], data[2 * i + 1]]);
  const steps = points.slice(1).map(([x, y], i) => [Math.abs(x - points[i][0]), Math.abs(y - points[i][1])]);
  // Where the columns end and the rows begin it stands still.
  expect(steps.filter(([dx, dy]) => dx === 0 && dy === 0)).toHaveLength(1);
  for (const [dx, dy] of steps) {
    expect(Math.min(dx, dy)).toBeLessThan(1e-12);
    expect(Math.max(dx, dy)).toBeLessThan(0.08);
  }
  for (let line = -2; line <= 2; line += 0.5) {
    for (const along of [0, 1]) {
      const on = points
        .filter((point) => Math.abs(point[1 - along] - line) < 1e-12)
        .map((point) => point[along]);
      expect(Math.min(...on)).toBe(-2);
      expect(Math.max(...on)).toBe(2);
      expect(new Set(on.map((v) => v.toFixed(6))).size).toBe(57);
    }
  }
});

test('its curves are the grid as the flow maps it to data; a mixture of flows has none', async () => {
  const model = getDensity('real-nvp').create({ shape: [2] }) as Flow;
  const parameters = model.init(key(3));
  const { x } = await toData(model, parameters, gridStroke());
  const grid = latentGridOf(await latentGridCurves(model, parameters, {}));
  expect(grid?.x[100]).toBeCloseTo(x.data[200], 3);
  expect(grid?.y[100]).toBeCloseTo(x.data[201], 3);
  const charts = getDensity('vq-realnvp').create({ shape: [2] });
  expect(latentGridOf(await latentGridCurves(charts, charts.init(key(3)), {}))).toBeNull();
});

test('the square has four draws at its corners and standard normal rows between, and keeps what chooses', () => {
  const model = flow({ shape: [4000], layers: [] });
  const wide = { ...model, draw: () => array(normal(key(1), 4 * 4000), [4, 4000]) };
  const corners = wide.draw().data;
  const { data, shape } = latentSquare(wide, { side: 5, seed: 0, fixed: 1 });
  expect(shape).toEqual([25, 4000]);
  const entry = (place: number, j: number): number => data[place * 4000 + j];
  [0, 4, 20, 24].forEach((place, corner) => {
    for (const j of [1, 57, 399]) expect(entry(place, j)).toBeCloseTo(corners[corner * 4000 + j], 12);
  });
  for (let place = 0; place < 25; place++) {
    expect(entry(place, 0)).toBe(corners[0]);
    let squares = 0;
    for (let j = 1; j < 4000; j++) squares += entry(place, j) ** 2;
    // Of 3999 standard normal numbers the mean square is 1 ± 0.022.
    expect(Math.abs(squares / 3999 - 1)).toBeLessThan(0.1);
  }
});
