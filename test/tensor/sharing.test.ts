import { expect, test } from 'vitest';
import { array, compile, mul, spec, tanh, type Tensor } from '../../src/tensor/index.ts';
import { heldExecutables } from '../../src/tensor/engines/shared.ts';

const x = array(Float64Array.of(1, 2, 3));
const options = { dtype: 'float64' } as const;
const scaled = (by: number) => (t: Tensor) => tanh(mul(t, by));

test('equal structures share one executable until the last of them is disposed', async () => {
  const before = heldExecutables();
  const [a, b] = await Promise.all([
    compile(scaled(2), [spec([3])], options),
    compile(scaled(2), [spec([3])], options),
  ]);
  expect(heldExecutables()).toBe(before + 1);
  await a.dispose();
  await a.dispose();
  expect(Array.from((await b.run([x])).data)).toEqual(
    [2, 4, 6].map(Math.tanh).map((v) => expect.closeTo(v, 14) as number),
  );
  await b.dispose();
  expect(heldExecutables()).toBe(before);
});

test('another constant, shape, precision or thread count is another executable', async () => {
  const before = heldExecutables();
  const programs = await Promise.all([
    compile(scaled(2), [spec([3])], options),
    compile(scaled(3), [spec([3])], options),
    compile(scaled(2), [spec([1, 3])], options),
    compile(scaled(2), [spec([3])], {}),
    compile(scaled(2), [spec([3])], { ...options, threads: 1 }),
  ]);
  expect(heldExecutables()).toBe(before + 5);
  const [two, three] = await Promise.all(programs.slice(0, 2).map((p) => p.run([x])));
  expect(two.data[0]).not.toBe(three.data[0]);
  await Promise.all(programs.map((p) => p.dispose()));
  expect(heldExecutables()).toBe(before);
});
