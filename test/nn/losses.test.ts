import { describe, expect, test } from 'vitest';
import { array, constant, grad, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { binaryCrossEntropy, crossEntropy, huber, mae, mse, relativeL2 } from '../../src/nn/index.ts';
import golden from './golden.json' with { type: 'json' };
import { evaluate, wave } from './support.ts';

const scaled = (a: NDArray, by: number): NDArray => ({
  ...a,
  data: (a.data as Float64Array).map((x) => by * x),
});
const prediction = scaled(wave([4, 5], 3), 3);
const target = wave([4, 5], 4);

describe('losses are PyTorch’s, float64', () => {
  test.each([
    ['mse', mse],
    ['mae', mae],
    ['huber', (a: Tensor, b: Tensor) => huber(a, b, { delta: 0.7 })],
  ] as const)('%s', async (name, loss) => {
    const value = await evaluate((a, b) => loss(a, b), prediction, target);
    expect(value.shape).toEqual([]);
    expect(value.data[0]).toBeCloseTo(golden.losses[name], 13);
  });

  test('relativeL2: a value a sample, their mean, their sum', async () => {
    const expected = golden.losses.relativeL2;
    const total = expected.reduce((a, b) => a + b, 0);
    const got = await evaluate(
      (a, b) => [
        relativeL2(a, b, { reduction: 'none' }),
        relativeL2(a, b),
        relativeL2(a, b, { reduction: 'sum' }),
      ],
      prediction,
      target,
    );
    expect(got[0].shape).toEqual([4]);
    expected.forEach((value, i) => expect(got[0].data[i]).toBeCloseTo(value, 13));
    expect(got[1].data[0]).toBeCloseTo(total / 4, 13);
    expect(got[2].data[0]).toBeCloseTo(total, 13);
  });

  test('crossEntropy and binaryCrossEntropy', async () => {
    const labels = array(Int32Array.of(0, 4, 2, 2), [4]);
    const value = await evaluate((a, b) => crossEntropy(a, b), wave([4, 5], 3), labels);
    expect(value.data[0]).toBeCloseTo(golden.losses.crossEntropy, 13);
    const hard = { ...target, data: (target.data as Float64Array).map((x) => (x > 0 ? 1 : 0)) };
    const binary = await evaluate((a, b) => binaryCrossEntropy(a, b), prediction, hard);
    expect(binary.data[0]).toBeCloseTo(golden.losses.binaryCrossEntropy, 13);
  });
});

test('relativeL2 at the target itself has gradient 0, not NaN', async () => {
  const gradient = await evaluate((a) => grad((x: Tensor) => relativeL2(x, constant(target)))(a), target);
  expect([...gradient.data]).toEqual(new Array(20).fill(0));
});

test('crossEntropy is exact for logits that would overflow, and for −∞', async () => {
  const labels = array(Int32Array.of(0, 0), [2]);
  const logits = array([1000, 0, 0, -Infinity], [2, 2]);
  const value = await evaluate((a, b) => crossEntropy(a, b, { reduction: 'none' }), logits, labels);
  expect([...value.data]).toEqual([0, 0]);
});

test.each([
  [
    () => evaluate((a, b) => mse(a, b), wave([4, 5], 0), wave([4], 0)),
    /mse: the prediction is \[4, 5\] and the target \[4\]/,
  ],
  [() => evaluate((a, b) => crossEntropy(a, b), wave([4, 5], 0), wave([4], 0)), /int32 labels/],
  [() => evaluate((a, b) => huber(a, b, { delta: 0 }), target, target), /delta is 0/],
])('operands that do not fit are named (%#)', async (run, message) => {
  await expect(run()).rejects.toThrow(message);
});
