import { describe, expect, test } from 'vitest';
import {
  add,
  compileScan,
  mul,
  sin,
  spec,
  square,
  sum,
  type NDArray,
  type Spec,
  type Tensor,
} from '../../src/tensor/index.ts';
import {
  adam,
  adamw,
  cosineSchedule,
  hyperOf,
  initialState,
  layoutOf,
  sgd,
  stepSchedule,
  trainingStep,
  warmupCosineSchedule,
  type Optimizer,
  type Schedule,
} from '../../src/nn/index.ts';
import golden from './golden.json' with { type: 'json' };
import { wave } from './support.ts';

/** Points of six steps on Σ sin 3p + p² from wave([5], 1): the whole training step in float64. */
async function trajectory(optimizer: Optimizer, changes: { clipNorm?: number; ema?: number } = {}) {
  const start = wave([5], 1);
  const layout = layoutOf({
    p: { ...start, data: Float32Array.from(start.data), dtype: 'float32' as const },
  });
  const loss = ({ p }: { p: Tensor }): Tensor => sum(add(sin(mul(3, p)), square(p)));
  const definition = { loss, layout, optimizer, ...changes };
  let state: readonly NDArray[] = initialState(definition, start).map((vector, i, all) => ({
    ...vector,
    data: i === 0 || (changes.ema !== undefined && i === all.length - 1) ? start.data : new Float64Array(5),
  }));
  const carry: readonly (readonly Spec[])[] = state.map(() => [spec([5])]);
  const program = await compileScan(
    trainingStep(definition),
    {
      carry,
      values: { hyper: spec(hyperOf(definition, 1, 1).shape), batch: {} },
    },
    { engine: 'reference', dtype: 'float64' },
  );
  const points: number[] = [];
  const averages: number[][] = [];
  for (let t = 1; t <= 6; t++) {
    const hyper = optimizer.hyper(optimizer.learningRate, t);
    if (changes.ema !== undefined) hyper.push(Math.min(changes.ema, (1 + t) / (10 + t)));
    const data = Float64Array.from(hyper);
    const next = await program.run(
      state.map((vector) => [vector]),
      [{ hyper: { data, shape: [hyper.length], dtype: 'float64' }, batch: {} }],
    );
    state = next.carry.map(([vector]) => vector);
    points.push(...state[0].data);
    averages.push([...state[state.length - 1].data]);
  }
  return { points, averages };
}

const worst = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...b.map((value, i) => Math.abs(value - a[i])));

describe('optimisers follow PyTorch’s for six steps, float64', () => {
  const cases = {
    sgd: [sgd({ learningRate: 0.05, weightDecay: 0.1 }), {}],
    momentum: [sgd({ learningRate: 0.05, momentum: 0.9, weightDecay: 0.1 }), {}],
    nesterov: [sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true }), {}],
    adam: [adam({ learningRate: 0.05, weightDecay: 0.1 }), {}],
    adamw: [adamw({ learningRate: 0.05, beta1: 0.8, beta2: 0.95, weightDecay: 0.1 }), {}],
    clipped: [sgd({ learningRate: 0.05 }), { clipNorm: 1.5 }],
  } as const;
  test.each(Object.keys(cases) as (keyof typeof cases)[])('%s', async (name) => {
    const [optimizer, changes] = cases[name];
    const { points } = await trajectory(optimizer, changes);
    expect(points).toHaveLength(30);
    expect(worst(points, golden.optimizers[name])).toBeLessThan(1e-12);
  });
});

test('the moving average follows its definition', async () => {
  const { points, averages } = await trajectory(sgd({ learningRate: 0.05 }), { ema: 0.3 });
  let average = [...wave([5], 1).data];
  for (let t = 1; t <= 6; t++) {
    const decay = Math.min(0.3, (1 + t) / (10 + t));
    average = average.map((a, i) => decay * a + (1 - decay) * points[(t - 1) * 5 + i]);
    expect(worst(averages[t - 1], average)).toBeLessThan(1e-14);
  }
});

describe('schedules', () => {
  const perEpoch = (schedule: Schedule): number[] =>
    Array.from({ length: 8 }, (_, epoch) => schedule.factor({ epoch, step: 0, stepsPerEpoch: 3 }));

  test('step is PyTorch’s StepLR', () => {
    expect(perEpoch(stepSchedule({ every: 3, gamma: 0.5 }))).toEqual(golden.schedules.step);
  });

  test('cosine is PyTorch’s CosineAnnealingLR', () => {
    const rates = perEpoch(cosineSchedule({ epochs: 8, minimum: 0.1 }));
    expect(worst(rates, golden.schedules.cosine)).toBeLessThan(1e-14);
  });

  test('warm-up rises step by step to 1, then falls to the minimum at the last step', () => {
    const schedule = warmupCosineSchedule({ warmup: 2, epochs: 6, minimum: 0.25 });
    const all = Array.from({ length: 30 }, (_, i) =>
      schedule.factor({ epoch: Math.floor(i / 5), step: i % 5, stepsPerEpoch: 5 }),
    );
    all.slice(0, 10).forEach((value, i) => expect(value).toBeCloseTo((i + 1) / 10, 12));
    expect(all.slice(10).every((value, i) => value < all[9 + i])).toBe(true);
    expect(all[29]).toBeCloseTo(0.25, 12);
  });
});

test.each([
  [() => adam({ learningRate: -1 }), /adam: learningRate is -1/],
  [() => adamw({ learningRate: 1, beta2: 1 }), /adamw: beta2 is 1, expected a number in \[0, 1\)/],
  [() => sgd({ learningRate: 1, nesterov: true }), /nesterov needs a momentum/],
  [() => sgd({ learningRate: Number.NaN }), /sgd: learningRate is NaN/],
  [() => stepSchedule({ every: 0 }), /stepSchedule: every is 0/],
  [() => warmupCosineSchedule({ warmup: 5, epochs: 5 }), /warmup 5 is not below epochs 5/],
])('settings out of range are named (%#)', (make, message) => {
  expect(make).toThrow(message);
});
