import { describe, expect, test } from 'vitest';
import { array, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, uniform } from '../../src/tensor/random.ts';
import { lno } from '../../src/operators/index.ts';
import { enlarge, evaluate, expectClose, field } from './evaluate.ts';
import { affine, perceptron, type Affine } from './plain.ts';

interface Factor {
  readonly hidden: readonly Affine[];
  readonly weight: NDArray;
  readonly bias: NDArray;
}

interface Parameters {
  readonly lift: Affine;
  readonly layers: readonly {
    readonly phi: Factor;
    readonly psi: Factor;
    readonly local: Affine;
    readonly norm: Affine;
  }[];
  readonly head: readonly [Affine, Affine];
}

/** Every channel with mean 0 and variance 1 over the points, then scale and shift. */
function normalized(rows: number[][], { weight, bias }: Affine): number[][] {
  const mean = (f: (row: number[]) => number): number =>
    rows.reduce((sum, row) => sum + f(row), 0) / rows.length;
  const moments = Array.from(bias.data, (_, c) => {
    const center = mean((row) => row[c]);
    return [center, Math.sqrt(mean((row) => (row[c] - center) ** 2) + 1e-5)];
  });
  return rows.map((row) =>
    row.map((x, c) => ((x - moments[c][0]) / moments[c][1]) * weight.data[c] + bias.data[c]),
  );
}

/** The definition, sum by sum, of one field u of s points. */
function literal(p: Parameters, u: ArrayLike<number>, width: number, rank: number): number[] {
  const s = u.length;
  const a = Array.from({ length: s }, (_, i) => [u[i], i / s]);
  let v = a.map((point) => affine(p.lift, point));
  p.layers.forEach(({ phi, psi, local, norm }, l) => {
    const features = ({ hidden }: Factor): number[][] =>
      a.map((point) => perceptron(hidden, point).map((x) => Math.max(x, 0)));
    const [above, below] = [features(phi), features(psi)];
    const phiAt = (x: number, o: number, i: number, r: number): number => {
      const row = (o * width + i) * rank + r;
      return above[x].reduce(
        (sum, h, k) => sum + h * phi.weight.data[row * above[x].length + k],
        phi.bias.data[row],
      );
    };
    const psiAt = (y: number, o: number, i: number, r: number): number => {
      const column = o * rank + r;
      return below[y].reduce(
        (sum, h, k) => sum + h * psi.weight.data[(i * below[y].length + k) * width * rank + column],
        psi.bias.data[i * width * rank + column],
      );
    };
    const old = v;
    v = old.map((values, x) =>
      affine(local, values).map((sum, o) => {
        for (let y = 0; y < s; y++) {
          for (let i = 0; i < width; i++) {
            for (let r = 0; r < rank; r++) sum += (phiAt(x, o, i, r) * psiAt(y, o, i, r) * old[y][i]) / s;
          }
        }
        return sum;
      }),
    );
    v = normalized(v, norm);
    if (l < p.layers.length - 1) v = v.map((values) => values.map((x) => Math.max(x, 0)));
  });
  return v.map((values) => perceptron(p.head, values)[0]);
}

const small = { width: 3, rank: 2, layers: 2, hidden: [4, 5] };

test('the sums in another order are the integrals of the definition', async () => {
  const parameters = enlarge(lno.create(small).init(key(1)), 1.5);
  const u = field(2, 2, 6);
  const actual = await evaluate((p: never, x: Tensor) => lno.create(small).apply(p, x), parameters, u);
  const rows = [u.data.slice(0, 6), u.data.slice(6)];
  const expected = rows.flatMap((row) => literal(parameters as Parameters, row, small.width, small.rank));
  expectClose(actual, expected, 1e-12);
});

describe('resolutions', () => {
  test('any number of points', () => {
    for (const s of [2, 7, 64, 1000]) expect(() => lno.create().checkResolution(s)).not.toThrow();
  });

  test('outputs converge as the grid is refined, with first order as the sum over a grid does', async () => {
    const operator = lno.create(small);
    const parameters = enlarge(operator.init(key(3)), 2);
    const [amplitude, phase] = uniform(key(4), 2);
    const sample = (s: number): NDArray =>
      array(
        Float64Array.from({ length: s }, (_, i) => amplitude + Math.sin(2 * Math.PI * (i / s + phase))),
        [1, s, 1],
      );
    const at16 = async (s: number): Promise<number[]> => {
      const values = await evaluate((p: never, x: Tensor) => operator.apply(p, x), parameters, sample(s));
      return Array.from({ length: 16 }, (_, i) => values[(i * s) / 16]);
    };
    const finest = await at16(4096);
    const errors = await Promise.all(
      [64, 256, 1024].map(async (s) => Math.hypot(...(await at16(s)).map((v, i) => v - finest[i]))),
    );
    expect(errors[1]).toBeLessThan(errors[0] / 3);
    expect(errors[2]).toBeLessThan(errors[1] / 3);
    expect(errors[2]).toBeLessThan(0.01 * Math.hypot(...finest));
  });
});
