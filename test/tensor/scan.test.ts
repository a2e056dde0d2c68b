import { expect, test } from 'vitest';
import {
  add,
  array,
  compile,
  compileScan,
  matmul,
  mul,
  spec,
  sub,
  sum,
  tanh,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';

const random = (seed: number, shape: readonly number[]): NDArray =>
  array(
    Float64Array.from(
      normal(
        key(seed),
        shape.reduce((a, b) => a * b, 1),
      ),
    ),
    shape,
  );

interface State<Leaf> {
  readonly weight: Leaf;
  readonly total: Leaf;
}

/** A carry of two shapes, one of them read and written by different ops; two values a turn, one of them the input itself. */
const step = ({ weight, total }: State<Tensor>, { x, rate }: { x: Tensor; rate: Tensor }) => {
  const y = tanh(matmul(x, weight));
  return {
    carry: { weight: sub(weight, mul(rate, y)), total: add(total, sum(y)) },
    values: { y, x },
  };
};
const specs = {
  carry: { weight: spec([3, 2]), total: spec([]) },
  values: { x: spec([3, 3]), rate: spec([]) },
};
const start = { weight: random(1, [3, 2]), total: array(Float64Array.of(0), []) };
const inputs = [2, 3, 4, 5].map((seed) => ({
  x: random(seed, [3, 3]),
  rate: array(Float64Array.of(0.1 * seed), []),
}));
const values = ({ data }: NDArray): number[] => Array.from(data);

/** The same by one program, run again and again. */
async function byHand(): Promise<{ state: State<NDArray>; ys: NDArray[] }> {
  const once = await compile(step, [specs.carry, specs.values], { engine: 'reference', dtype: 'float64' });
  let state: State<NDArray> = start;
  const ys: NDArray[] = [];
  for (const input of inputs) {
    const turn = await once.run([state, input]);
    state = turn.carry;
    ys.push(turn.values.y);
  }
  await once.dispose();
  return { state, ys };
}

test.each([
  ['onnx', 'float64', 1e-13],
  ['onnx', 'float32', 1e-5],
  ['tfjs', 'float32', 1e-5],
  ['reference', 'float64', 1e-13],
] as const)(
  'a scan on %s in %s is the function in turns, however many run at once',
  async (engine, dtype, tolerance) => {
    const expected = await byHand();
    const scan = await compileScan(step, specs, { engine, dtype });
    const whole = await scan.run(start, inputs);
    const first = await scan.run(start, inputs.slice(0, 1));
    const rest = await scan.run(first.carry, inputs.slice(1));
    await scan.dispose();

    expect(values(rest.carry.weight)).toEqual(values(whole.carry.weight));
    expect(values(rest.carry.total)).toEqual(values(whole.carry.total));
    const ys = [...first.values, ...rest.values];
    whole.values.forEach(({ y, x }, turn) => {
      expect(values(y)).toEqual(values(ys[turn].y));
      expect(y.shape).toEqual([3, 2]);
      values(x).forEach((value, i) => expect(value).toBeCloseTo(inputs[turn].x.data[i], 5));
      values(y).forEach((value, i) =>
        expect(Math.abs(value - expected.ys[turn].data[i])).toBeLessThan(tolerance),
      );
    });
    values(whole.carry.weight).forEach((value, i) =>
      expect(Math.abs(value - expected.state.weight.data[i])).toBeLessThan(tolerance),
    );
  },
);

test('a scan leaves what it was given alone and counts the operations of one turn', async () => {
  const scan = await compileScan(step, specs, { dtype: 'float64' });
  const before = values(start.weight);
  await scan.run(start, inputs);
  expect(values(start.weight)).toEqual(before);
  expect(scan.productFlops).toBe(2 * 3 * 3 * 2);
  await scan.dispose();
  await expect(scan.run(start, inputs)).rejects.toThrow(/disposed/);
});

test('what is no scan is refused with the reason', async () => {
  const scan = await compileScan(step, specs, { dtype: 'float64' });
  await expect(scan.run(start, [])).rejects.toThrow(/no inputs, expected those of one turn at least/);
  const wrong = { ...inputs[0], x: random(1, [2, 3]) };
  await expect(scan.run(start, [inputs[0], wrong])).rejects.toThrow(
    /x has shape \[2, 3\], compiled for \[3, 3\]/,
  );
  await scan.dispose();
  await expect(
    compileScan((carry) => ({ carry, values: [] }), { carry: spec([2]), values: {} }),
  ).rejects.toThrow(/f takes no input beside the carry/);
  await expect(
    compileScan((carry, x) => ({ carry: sum(add(carry, x)), values: [] }), {
      carry: spec([2]),
      values: spec([2]),
    }),
  ).rejects.toThrow(/got a carry of float32\[2\] and gave float32\[\]; expected the same/);
});
