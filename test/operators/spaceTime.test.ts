/** Operators over space and time: the wavelet transform along space, and each operator against its definition in plain loops. */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  array,
  compile,
  constant,
  grad,
  mapTree,
  mean,
  specsOf,
  square,
  sub,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { countParameters } from '../../src/nn/index.ts';
import { key, normal, split } from '../../src/tensor/random.ts';
import { multiwaveletFilters, waveletMatrices } from '../../src/operators/index.ts';
import {
  covidSizes,
  getSpaceTimeOperator,
  spaceTimeOperatorNames,
  spaceTransform,
} from '../../src/operators/spaceTime/index.ts';
import * as loops from './spaceTimeReference.ts';
import type { Affine, Field, Stack } from './spaceTimeReference.ts';
import { batchOf, enlarge, evaluate, expectClose, random, samples } from './spaceTimeSupport.ts';

describe('wavelet transform along space', () => {
  const rank = (matrix: Matrix): number => {
    const values = new EigenvalueDecomposition(matrix.transpose().mmul(matrix), { assumeSymmetric: true });
    return values.realEigenvalues.filter((v) => v > 1e-9).length;
  };

  test.each([3, 4])('k = %i in two dimensions has full rank; LL and HH alone have half of it', (k) => {
    const { analysis, synthesis } = waveletMatrices(multiwaveletFilters('legendre', k), 1, 2);
    const size = 4 * k * k;
    const [down, up] = [analysis, synthesis].map((data) => Matrix.from1DArray(size, size, Array.from(data)));
    expect(rank(down.mmul(up))).toBe(size);
    // The parts stand in the order LL, LH, HL, HH.
    const lossy = Matrix.diag(Array.from({ length: size }, (_, i) => (i < k * k || i >= 3 * k * k ? 1 : 0)));
    expect(rank(down.mmul(lossy).mmul(up))).toBe(size / 2);
  });

  test.each([
    [1, 'legendre', 3, [8, 3]],
    [1, 'chebyshev', 4, [4, 2]],
    [2, 'legendre', 3, [4, 2, 3]],
    [2, 'legendre', 4, [2, 8, 1]],
    [2, 'chebyshev', 2, [4, 4, 2]],
  ] as const)('%i-D space, %s, k = %i, %j: reconstructs perfectly', async (space, basis, k, grid) => {
    const channels = 2;
    const options = { basis, k, channels };
    const x = random(3, [2, ...grid, channels * k ** space]);
    const back = await evaluate((field: Tensor) => {
      const transform = spaceTransform(space, options);
      const { s, d } = transform.analyse(field);
      return transform.synthesise(s, d);
    }, x);
    expectClose(back, x.data, 1e-12);
    const parts = await evaluate((field: Tensor) => spaceTransform(space, options).analyse(field).d, x);
    const expected = samples(x).map((field) => {
      const all = loops.analyse(field, space, options);
      return loops.map(all, all.channels - field.channels, (v) => v.slice(field.channels));
    });
    expectClose(parts, batchOf(expected), 1e-12);
  });

  test('a bilinear field has no detail: all three parts vanish where k = 2', async () => {
    // Coefficients of (1 + 2x)(3 − y) on 4 × 4 cells, by the two-point Gauss rule, exact for them.
    const [n, r] = [4, 1 / Math.sqrt(3)];
    const nodes = [(1 - r) / 2, (1 + r) / 2];
    const phi = [() => 1, (x: number) => Math.sqrt(3) * (2 * x - 1)];
    const field = loops.build([n, n, 1], 4, ([a, b]) =>
      [0, 1].flatMap((i) =>
        [0, 1].map((j) => {
          let total = 0;
          for (const x of nodes)
            for (const y of nodes)
              total += (1 / 4) * (1 + (2 * (a + x)) / n) * (3 - (b + y) / n) * phi[i](x) * phi[j](y);
          return total;
        }),
      ),
    );
    const options = { basis: 'legendre', k: 2, channels: 1 } as const;
    const d = await evaluate(
      (x: Tensor) => spaceTransform(2, options).analyse(x).d,
      array(field.data, [1, n, n, 1, 4]),
    );
    expect(Math.max(...d.map(Math.abs))).toBeLessThan(1e-13);
  });
});

/** Small options for each operator, with an odd grid, modes beyond what short axes have, and two layers. */
const tiny: Record<string, { options: Record<string, unknown>; grid: number[] }> = {
  'fno-2d': { options: { width: 3, modes: [2, 3], layers: 2, timePadding: 2 }, grid: [5, 3] },
  'fno-3d': { options: { width: 3, modes: [2, 2, 3], layers: 2, timePadding: 1 }, grid: [5, 3, 4] },
  'lno-3d': { options: { width: 3, rank: 2, hidden: [5, 4], layers: 2 }, grid: [3, 2, 2] },
  'mwt-2d': { options: { k: 2, channels: 2, modes: [2, 2], layers: 2 }, grid: [6, 3] },
  'mwt-3d': {
    options: { k: 2, channels: 1, modes: [2, 1, 2], layers: 2, timePadding: 1 },
    grid: [5, 3, 2],
  },
  'pade-2d': {
    options: { k: 2, channels: 2, modes: [3, 2], layers: 2, p: 3, q: 3, degrees: 'full' },
    grid: [6, 3],
  },
  'pade-3d': { options: { k: 2, channels: 1, modes: [2, 1, 2], layers: 2 }, grid: [5, 3, 3] },
};

interface Resolved {
  readonly modes: number[];
  readonly width: number;
  readonly rank: number;
  readonly k: number;
  readonly channels: number;
  readonly basis: 'legendre' | 'chebyshev';
  readonly timePadding: number;
  readonly p: number;
  readonly q: number;
  readonly degrees: string;
}

const dyadic = (n: number): number => (n <= 2 ? 2 : 2 * dyadic(Math.ceil(n / 2)));

/** What the operator of that name makes of one sample, by loops. */
function literal(name: string, parameters: unknown, o: Resolved, u: Field): Field {
  const axes = u.grid.length;
  const space = axes - 1;
  const later = u.grid[space] + (o.timePadding || 0);
  const powers = [...u.grid.slice(0, space).map(dyadic), later];
  const range = Array.from({ length: 2 ** space - 1 }, (_, i) => i);
  if (name.startsWith('fno')) {
    type Layer = { spectral: NDArray; local: Affine };
    return loops.stack(parameters as Stack<Layer>, u, [...u.grid.slice(0, space), later], (layer, v) =>
      loops.plus(
        loops.linear(layer.local, v),
        loops.spectral(loops.kernelOf(layer.spectral, axes), o.modes, o.width, v),
      ),
    );
  }
  if (name.startsWith('lno')) {
    type Layer = { phi: Affine[]; psi: Affine[]; local: Affine };
    const perceptron = (layers: Affine[], x: number[]): number[] =>
      layers.reduce((y, layer, i) => loops.affine(layer, i === 0 ? y : y.map((v) => Math.max(v, 0))), x);
    return loops.stack(parameters as Stack<Layer>, u, u.grid, (layer, v, a) => {
      const at = (i: number, out: number, r: number): number => (out * o.width + i) * o.rank + r;
      const all = [...loops.points(u.grid)];
      const moments = new Array<number>(o.width * o.width * o.rank).fill(0);
      for (const y of all) {
        const psi = perceptron(layer.psi, loops.at(a, y));
        loops.at(v, y).forEach((value, i) => {
          for (let out = 0; out < o.width; out++)
            for (let r = 0; r < o.rank; r++)
              moments[at(i, out, r)] += (psi[at(i, out, r)] * value) / all.length;
        });
      }
      return loops.map(v, o.width, (value, x) => {
        const phi = perceptron(layer.phi, loops.at(a, x));
        return loops.affine(layer.local, value).map((local, out) => {
          let total = local;
          for (let i = 0; i < o.width; i++)
            for (let r = 0; r < o.rank; r++) total += phi[at(i, out, r)] * moments[at(i, out, r)];
          return total;
        });
      });
    });
  }
  if (name.startsWith('mwt')) {
    type Local = { convolve: Affine; mix: Affine };
    type Layer = { A: { spectral: NDArray; mix: Affine }; B: Local; C: Local; coarsest: Affine };
    const local = ({ convolve, mix }: Local, x: Field): Field =>
      loops.linear(mix, loops.relu(loops.convolve(convolve, x)));
    return loops.stack(parameters as Stack<Layer>, u, powers, (layer, x) =>
      loops.nonStandardForm(x, space, o, layer.coarsest, (s, d) => {
        const A = loops.spectral(loops.kernelOf(layer.A.spectral, axes), o.modes, d.channels, d);
        return {
          s: local(layer.C, d),
          d: loops.plus(loops.linear(layer.A.mix, loops.relu(A)), local(layer.B, s)),
        };
      }),
    );
  }
  type Blocks = { kernel: NDArray; weight: NDArray; bias: NDArray };
  type Layer = { A: Blocks; BC: Blocks; coarsest: Affine };
  return loops.stack(parameters as Stack<Layer>, u, powers, (layer, x) =>
    loops.nonStandardForm(x, space, o, layer.coarsest, (s, d) => {
      const width = s.channels;
      const part = (i: number): Field => loops.map(d, width, (v) => v.slice(i * width, (i + 1) * width));
      const B = range.map((i) => loops.padeBlock(layer.BC, i, o.modes, o, s));
      const C = range.map((i) => loops.padeBlock(layer.BC, range.length + i, o.modes, o, part(i)));
      const stacked = loops.map(d, d.channels, (_, index) => B.flatMap((b) => loops.at(b, index)));
      return {
        s: C.reduce((total, c) => loops.plus(total, c)),
        d: loops.plus(loops.padeBlock(layer.A, 0, o.modes, o, d), stacked),
      };
    }),
  );
}

const make = (name: string, more: Record<string, unknown> = {}) =>
  getSpaceTimeOperator(name, { ...tiny[name].options, inputs: 2, ...more });

describe.each(spaceTimeOperatorNames.map((name) => [name]))('%s', (name) => {
  const { grid } = tiny[name];
  const operator = make(name);
  const parameters = enlarge(operator.init(key(5)), name.startsWith('lno') ? 1.5 : 2);
  const apply = ((p: never, u: Tensor) => operator.apply(p, u)) as never;

  test('equals its definition in plain loops', async () => {
    const u = random(6, [2, ...grid, 2]);
    const actual = await evaluate(apply, parameters, u);
    const resolved = operator.options as unknown as Resolved;
    const expected = samples(u).map((field) => literal(name, parameters, resolved, field));
    expectClose(actual, batchOf(expected), 1e-11);
  });

  test('one set of parameters serves every grid', async () => {
    const other = grid.map((n) => 2 * n + 1);
    const values = await evaluate(apply, parameters, random(7, [1, ...other, 2]));
    expect(values.length).toBe(other.reduce((total, n) => total * n, 1));
    expect(values.every(Number.isFinite)).toBe(true);
    operator.checkGrid(other);
  });

  test('gradients are finite, and agree with central differences along a random direction', async () => {
    const u = random(8, [2, ...grid, 2]);
    const target = random(9, [2, ...grid, 1]);
    const loss = (p: never, x: Tensor, y: Tensor): Tensor => mean(square(sub(operator.apply(p, x), y)));
    const options = { engine: 'reference', dtype: 'float64' } as const;
    const specs = [specsOf(parameters), specsOf(u), specsOf(target)] as never;
    const value = await compile(loss as never, specs, options);
    const slope = await compile(grad(loss as never) as never, specs, options);
    const gradient = await slope.run([parameters, u, target] as never);
    const keys = split(key(10), 64);
    let [leaf, along, nonZero] = [0, 0, 0];
    const directions: Float64Array[] = [];
    mapTree(gradient, ({ data }: NDArray) => {
      const direction = normal(keys[leaf++], data.length);
      data.forEach((v, i) => {
        expect(Number.isFinite(v)).toBe(true);
        along += v * direction[i];
      });
      if (data.some((v) => v !== 0)) nonZero++;
      directions.push(Float64Array.from(direction));
    });
    // Every leaf has a part in the result.
    expect(nonZero).toBe(leaf);
    const at = async (by: number): Promise<number> => {
      let i = 0;
      const moved = mapTree(parameters, ({ data, shape }: NDArray) => {
        const direction = directions[i++];
        return array(
          Float64Array.from(data, (v, j) => v + by * direction[j]),
          shape,
        );
      });
      return ((await value.run([moved, u, target] as never)) as NDArray).data[0];
    };
    const difference = ((await at(1e-6)) - (await at(-1e-6))) / 2e-6;
    expect(Math.abs(along - difference)).toBeLessThan(1e-5 * Math.max(1, Math.abs(difference)));
    await Promise.all([value.dispose(), slope.dispose()]);
  });

  test('refuses other axes and channels, and says which it wants', () => {
    const wrong = (shape: number[]): Tensor => constant(random(1, shape));
    expect(() => operator.apply(parameters as never, wrong([1, ...grid, 3]))).toThrow(
      new RegExp(`${name}: the input is .*expected \\[batch, .*time, 2\\]`),
    );
    expect(() => operator.apply(parameters as never, wrong([1, 4, 2]))).toThrow(/expected \[batch, .*time/);
    expect(() => operator.checkGrid([...grid, 4])).toThrow(/expected \d \(.*time\)/);
    expect(() => operator.checkGrid(grid.map(() => 0))).toThrow(/of size 0, expected a whole number ≥ 1/);
    expect(() => operator.checkResolution(8)).toThrow(/a grid of sizes \[8\]/);
  });
});

test.each(['mwt-3d', 'pade-3d', 'mwt-2d'])('%s without padding refuses what is no power of two', (name) => {
  const operator = make(name, { spacePadding: 'none' });
  const last = operator.axes.length - 1;
  const size = (n: number): number[] => operator.axes.map((_, axis) => (axis === last ? 7 : n));
  expect(() => operator.checkGrid(size(6))).toThrow(/size 6: the dyadic wavelet transform .*spacePadding/);
  expect(() => operator.checkGrid(size(8))).not.toThrow();
});

test('published and COVID sizes in real parameters', () => {
  const countOf = (name: string, options = {}): number =>
    countParameters(getSpaceTimeOperator(name, options).init(key(0)));
  // Li et al. print 6,558,537 for FNO-3D with four layers and 10 frames as input; 160 of them are batch normalisations, left
  // out since. A layer has 16 · 16 · 8 complex 20 × 20 matrices and one affine map.
  const layer = 16 * 16 * 8 * 400 * 2 + 420;
  expect(countOf('fno-3d', { layers: 1 }) + 3 * layer).toBe(6_558_537 - 160);
  const published: Record<string, number> = { 'pade-3d': 689e3, 'fno-3d': 1.06e6, 'lno-3d': 275e3 };
  for (const [name, total] of Object.entries(published)) {
    expect(Math.abs(countOf(name, covidSizes[name]) / total - 1)).toBeLessThan(0.05);
  }
});

test('unknown names and options are answered with what is known', () => {
  expect(() => getSpaceTimeOperator('fno-4d')).toThrow(/space-time operator 'fno-4d'.*pade-3d, mwt-3d/);
  expect(() => getSpaceTimeOperator('fno-3d', { modes: [4, 4] })).toThrow(/fno-3d: modes/);
});
