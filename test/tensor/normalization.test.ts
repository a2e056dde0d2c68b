/** Normalisation: what it makes of moments, against plain formulas, and its gradients. */
import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  batchNorm,
  batchNormInference,
  compile,
  div,
  grad,
  groupNorm,
  hessianVectorProduct,
  instanceNorm,
  jvp,
  layerNorm,
  mean,
  mul,
  placeholder,
  spec,
  sqrt,
  square,
  stack,
  sub,
  sum,
  updateStatistics,
  vjp,
  vmap,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { dot, moved, relativeError } from './examples.ts';
import { runReference } from './sweep.ts';
import { normals } from './values.ts';

const random = (seed: number, shape: readonly number[]): NDArray => {
  const { data } = normals(seed, shape);
  return array(
    Float64Array.from(data, (value) => 3 * value + 2),
    shape,
  );
};

const EPSILON = 1e-5;

/** Mean and population variance of the values of x whose multi-index passes. */
function moments(x: NDArray, chosen: (index: number[]) => boolean): { mean: number; variance: number } {
  const values = [...x.data].filter((_, flat) => chosen(indexOf(flat, x.shape)));
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length };
}

function indexOf(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(flat % shape[axis]);
    flat = Math.floor(flat / shape[axis]);
  }
  return index;
}

/** (x − μ)/√(σ² + ε)·scale + shift with moments over the values that belong together. */
function plain(
  x: NDArray,
  together: (a: number[], b: number[]) => boolean,
  feature: (index: number[]) => number,
  scale: NDArray,
  shift: NDArray,
): number[] {
  return Array.from(x.data, (value, flat) => {
    const index = indexOf(flat, x.shape);
    const { mean, variance } = moments(x, (other) => together(index, other));
    const f = feature(index);
    return ((value - mean) / Math.sqrt(variance + EPSILON)) * scale.data[f] + shift.data[f];
  });
}

const x = random(1, [3, 4, 5]);
const [perChannel, perChannelShift] = [random(2, [4]), random(3, [4])];
const [perFeature, perFeatureShift] = [random(4, [5]), random(5, [5])];

const kinds: [
  string,
  (a: Tensor, scale: Tensor, shift: Tensor) => Tensor,
  (a: number[], b: number[]) => boolean,
  'feature' | 'channel',
][] = [
  [
    'layerNorm',
    (a, scale, shift) => layerNorm(a, { scale, shift }),
    (a, b) => a[0] === b[0] && a[1] === b[1],
    'feature',
  ],
  [
    'instanceNorm',
    (a, scale, shift) => instanceNorm(a, { scale, shift }),
    (a, b) => a[0] === b[0] && a[1] === b[1],
    'channel',
  ],
  [
    'groupNorm',
    (a, scale, shift) => groupNorm(a, 2, { scale, shift }),
    (a, b) => a[0] === b[0] && Math.floor(a[1] / 2) === Math.floor(b[1] / 2),
    'channel',
  ],
  ['batchNorm', (a, scale, shift) => batchNorm(a, { scale, shift }).y, (a, b) => a[1] === b[1], 'channel'],
];

describe.each(kinds)('%s', (_, f, together, over) => {
  const [scale, shift] = over === 'feature' ? [perFeature, perFeatureShift] : [perChannel, perChannelShift];

  test('equals the plain formula', () => {
    const { y } = runReference((a, b, c) => ({ y: f(a, b, c) }), [x, scale, shift]);
    const expected = plain(x, together, (index) => index[over === 'feature' ? 2 : 1], scale, shift);
    expected.forEach((value, i) => expect(y.data[i]).toBeCloseTo(value, 11));
  });

  test('its gradient agrees with central differences', () => {
    const weights = random(6, x.shape);
    const direction = random(7, x.shape);
    const value = (at: NDArray): number =>
      runReference((a, b, c, u) => ({ y: sum(mul(u, f(a, b, c))) }), [at, scale, shift, weights]).y.data[0];
    const { gradient } = runReference(
      (a, b, c, u) => ({ gradient: grad((p: Tensor) => sum(mul(u, f(p, b, c))))(a) }),
      [x, scale, shift, weights],
    );
    const slope = (value(moved(x, direction, 1e-6)) - value(moved(x, direction, -1e-6))) / 2e-6;
    const expected = dot(gradient, direction);
    expect(Math.abs(slope - expected.value) / expected.scale).toBeLessThan(1e-7);
  });
});

test('layerNorm over two axes normalises each sample as a whole', () => {
  const { y } = runReference((a) => ({ y: layerNorm(a, { axes: 2 }) }), [x]);
  for (let b = 0; b < 3; b++) {
    const { mean, variance } = moments(y, (index) => index[0] === b);
    expect(mean).toBeCloseTo(0, 12);
    expect(variance).toBeCloseTo(1, 5);
  }
});

describe('batch statistics', () => {
  test('training statistics, used in inference on the same batch, give the same result', () => {
    const out = runReference(
      (a) => {
        const { y, statistics } = batchNorm(a);
        return {
          y,
          again: batchNormInference(a, statistics),
          mean: statistics.mean,
          variance: statistics.variance,
        };
      },
      [x],
    );
    expect([...out.y.data]).toEqual([...out.again.data]);
    for (let c = 0; c < 4; c++) {
      const expected = moments(x, (index) => index[1] === c);
      expect(out.mean.data[c]).toBeCloseTo(expected.mean, 12);
      expect(out.variance.data[c]).toBeCloseTo(expected.variance, 12);
    }
  });

  test('running statistics move by the momentum, with the sample variance', () => {
    const [m, v] = [array([2], [1]), array([8], [1])];
    const out = runReference(
      (a, b) =>
        updateStatistics({ mean: mul(a, 0), variance: mul(b, 0) }, { mean: a, variance: b }, 5, 0.25) as {
          mean: Tensor;
          variance: Tensor;
        },
      [m, v],
    );
    expect(out.mean.data[0]).toBe(0.5);
    expect(out.variance.data[0]).toBe(2.5);
  });
});

test('an empty batch stays one', () => {
  expect(instanceNorm(placeholder([0, 2, 3])).shape).toEqual([0, 2, 3]);
  expect(groupNorm(placeholder([0, 4, 3]), 2).shape).toEqual([0, 4, 3]);
});

test('refusals name what came and what was expected', () => {
  const a = placeholder([2, 4, 3]);
  expect(() => groupNorm(a, 3)).toThrow(/3 groups of 4 channels/);
  expect(() => layerNorm(a, { axes: 4 })).toThrow(/axes 4.*expected 1 … 3/);
  expect(() => layerNorm(a, { scale: placeholder([4]) })).toThrow(/scale is \[4\], expected \[3\]/);
  expect(() => instanceNorm(placeholder([2, 4]))).toThrow(/…spatial/);
  expect(() => batchNormInference(a, { mean: placeholder([3]), variance: placeholder([4]) })).toThrow(
    /mean is \[3\], expected \[4\]/,
  );
  expect(() => updateStatistics({ mean: a, variance: a }, { mean: a, variance: a }, 1)).toThrow(/count 1/);
});

test('both modes of its derivative, and the second one, are those of the formula written out', () => {
  const shape = [2, 3, 4, 5];
  const written = (x: Tensor): Tensor => {
    const axes = [2, 3];
    const centred = sub(x, mean(x, axes, { keepDims: true }));
    return div(centred, sqrt(add(mean(square(centred), axes, { keepDims: true }), EPSILON)));
  };
  const derivatives = (f: (x: Tensor) => Tensor) => (x: Tensor, u: Tensor, v: Tensor) => {
    const scalar = (z: Tensor): Tensor => sum(mul(u, square(f(z))));
    return {
      reverse: vjp(f, x)[1](u)[0],
      forward: jvp(f, [x], [v])[1],
      second: hessianVectorProduct(scalar, x, v),
      batched: vmap((z: Tensor) => grad(scalar)(z), [true])(stack([x, v])),
    };
  };
  const inputs = [random(1, shape), random(2, shape), random(3, shape)] as const;
  const ours = runReference(derivatives(instanceNorm), inputs);
  const theirs = runReference(derivatives(written), inputs);
  for (const [name, { data }] of Object.entries(ours)) {
    const expected = theirs[name as keyof typeof theirs].data;
    const scale = Math.max(...[...expected].map(Math.abs));
    expect(scale, name).toBeGreaterThan(1e-3);
    data.forEach((value, i) => expect(Math.abs(value - expected[i]) / scale, name).toBeLessThan(1e-12));
  }
});

describe('single precision far from zero', () => {
  const single = ({ data, shape }: NDArray): NDArray => array(Float32Array.from(data), shape);
  const derivative = (x: Tensor, g: Tensor) => {
    const [y, pull] = vjp((z: Tensor) => instanceNorm(z), x);
    return { y, gradient: pull(g)[0] };
  };

  test.each([
    ['means of 100 deviations', Float32Array.from(normals(1, [2000]).data, (v) => v + 100)],
    ['constant rows', new Float32Array(2000).fill(3.3)],
  ])('%s: the derivative keeps its digits', async (_, data) => {
    const shape = [1, 2, 1000];
    const inputs = [array(data, shape), single(normals(2, shape))] as const;
    const program = await compile(derivative, [spec(shape), spec(shape)], { threads: 1 });
    const actual = await program.run(inputs);
    await program.dispose();
    const expected = runReference(derivative, inputs);
    expect(relativeError(actual.gradient, expected.gradient)).toBeLessThan(1e-5);
    actual.y.data.forEach((value, i) => expect(Math.abs(value - expected.y.data[i])).toBeLessThan(1e-3));
  });
});
