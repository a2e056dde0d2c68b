import { expect, test } from 'vitest';
import {
  add,
  array,
  broadcastTo,
  compile,
  compileAt,
  exp,
  inverse,
  less,
  linearize,
  matmul,
  mul,
  reshape,
  select,
  spec,
  specsOf,
  sum,
  tanh,
  transpose,
  vjp,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { expectClose } from './values.ts';

const given = { a: array(normal(key(1), 16), [4, 4]), b: array(normal(key(2), 4), [4]) };
const v = array(normal(key(3), 4), [4]);
type Given = { a: Tensor; b: Tensor };

/** What depends on the given arrays, on the vector, on both and on neither; masks, views, and a given array as it is. */
const cases: Record<string, (g: Given, x: Tensor) => Record<string, Tensor>> = {
  products: ({ a, b }, x) => ({
    both: matmul(inverse(add(matmul(a, transpose(a)), a)), reshape(x, [4, 1])),
    given: exp(b),
    same: b,
    vector: tanh(x),
  }),
  'masks and views': ({ a, b }, x) => ({
    chosen: select(less(a, 0), broadcastTo(x, [4, 4]), broadcastTo(reshape(exp(b), [4, 1]), [4, 4])),
  }),
  derivatives: ({ a, b }, x) => {
    const f = (z: Tensor): Tensor => tanh(matmul(reshape(mul(z, z), [1, 4]), tanh(a)));
    const [value, push] = linearize(f, b);
    const [, pull] = vjp(f, b);
    return { value, normal: pull(push(x))[0] };
  },
};

for (const engine of ['onnx', 'reference'] as const) {
  test.each(Object.entries(cases))(
    `${engine}: %s come out as in one program, run after run`,
    async (_, f) => {
      const options = { engine, dtype: 'float64' } as const;
      const one = await compile(f, [specsOf(given), spec([4])] as const, options);
      const staged = await compileAt(f, given, [spec([4])] as const, options);
      for (const seed of [3, 4]) {
        const x = { ...v, data: normal(key(seed), 4) };
        const [expected, got] = [await one.run([given, x]), await staged.run([x])];
        expect(Object.keys(got)).toEqual(Object.keys(expected));
        for (const name of Object.keys(expected)) {
          expect(got[name].shape).toEqual(expected[name].shape);
          expectClose(got[name].data, expected[name].data, 1e-12);
        }
      }
      await one.dispose();
      await staged.dispose();
      await expect(staged.run([v])).rejects.toThrow('it was disposed');
    },
  );
}

test('what depends on the given arrays alone is not computed again', async () => {
  const f = ({ a }: { a: Tensor }, x: Tensor): Tensor => matmul(matmul(a, a), reshape(x, [4, 1]));
  const staged = await compileAt(f, { a: given.a }, [spec([4])] as const);
  // A matrix times a vector; the product of the matrices, 2 · 4³, is not among the operations of a run.
  expect(staged.productFlops).toBe(2 * 4 * 4);
  await staged.dispose();
});

test('an argument of another shape is refused by its place', async () => {
  const staged = await compileAt((g: Given, x: Tensor) => sum(mul(g.b, x)), given, [spec([4])] as const);
  await expect(staged.run([array([1, 2], [2])])).rejects.toThrow(
    'argument 0 has shape [2], compiled for [4]',
  );
  await staged.dispose();
});
