import { expect, test } from 'vitest';
import {
  add,
  array,
  atan,
  checkpoint,
  compile,
  customVjp,
  grad,
  logSumExp,
  mul,
  pow,
  spec,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';

const float64 = { dtype: 'float64' } as const;
const values = (result: unknown): number[] => Array.from((result as NDArray).data);

async function run(f: (x: Tensor) => Tensor, x: readonly number[]): Promise<number[]> {
  const program = await compile(f, [spec([x.length])], float64);
  const result = await program.run([array(Float64Array.from(x))]);
  await program.dispose();
  return values(result);
}

test('checkpoint differentiates a captured tensor that the function returns as it is', async () => {
  const loss = (w: Tensor): Tensor => {
    const { h, same } = checkpoint((x: Tensor) => ({ h: mul(x, x), same: w }))(w);
    return sum(add(h, mul(3, same)));
  };
  expect(await run(grad(loss), [2, -1])).toEqual([7, 1]);
});

test('customVjp refuses to differentiate a captured tensor that it returns', () => {
  const f = (w: Tensor): Tensor =>
    sum(
      customVjp(
        (_: Tensor) => w,
        (_, cotangent): [Tensor] => [cotangent],
      )(mul(w, 2)),
    );
  return expect(compile(grad(f), [spec([2])], float64)).rejects.toThrow(
    /captures a tensor that is being differentiated/,
  );
});

test('float64 atan holds for any argument', async () => {
  const x = [Infinity, -Infinity, 1e200, -1e200, 3, 1, 0.5, 0, -1e-300];
  const result = await run((t) => atan(t), x);
  result.forEach((value, i) => expect(Math.abs(value - Math.atan(x[i]))).toBeLessThan(4e-16));
});

test('the derivative of x⁰ is 0 everywhere', async () => {
  expect(
    await run(
      grad((x: Tensor) => sum(pow(x, 0))),
      [0, 2],
    ),
  ).toEqual([0, 0]);
});

test('logSumExp of nothing but −∞ is −∞', async () => {
  expect(await run((x) => logSumExp(x), [-Infinity, -Infinity])).toEqual([-Infinity]);
});
