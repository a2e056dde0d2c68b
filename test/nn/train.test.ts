import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  add,
  array,
  log,
  mul,
  square,
  sub,
  sum,
  tanh,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { foldIn, key, normal, permutation, split, uniform, type Key } from '../../src/tensor/random.ts';
import {
  constantSchedule,
  loadParameters,
  mlp,
  mse,
  predict,
  predictor,
  sgd,
  train,
  type MlpParameters,
} from '../../src/nn/index.ts';
import { bits, regression, stateful } from './support.ts';

let root: string;
beforeAll(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), 'sextant-nn-'))));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
const folder = (name: string): string => path.join(root, name);

test('a small network learns sin 3x, and predict gives what the metric measured', async () => {
  const { data } = regression();
  const result = await train(regression({ epochs: 150 }));
  const last = result.history[result.history.length - 1];
  expect(result.stopped).toBe('finished');
  expect(result.history.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
  expect(last.validation).toBeLessThan(1e-2);
  const model = (params: Parameters<typeof mlp.apply>[0], x: Tensor): Tensor => mlp.apply(params, x, tanh);
  const { x, y } = data.train;
  const fitted = await predict(model, result.parameters, x, { batchSize: 10, threads: 1 });
  expect(fitted.shape).toEqual([37, 1]);
  const squares = fitted.data.map((value, i) => (value - y.data[i]) ** 2);
  const error = Array.from(squares).reduce((a, b) => a + b, 0) / 37;
  expect(Math.abs(error / (last.validation as number) - 1)).toBeLessThan(1e-4);
});

test('predict ends with the reason of its signal', async () => {
  const stop = new AbortController();
  const identity = (_: unknown, x: Tensor): Tensor => x;
  const { x } = regression().data.train;
  // Aborted by the second batch, while the first is under way.
  const model = predict(identity, {}, x, { batchSize: 1, threads: 1, signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(model).rejects.toThrow('enough');
});

test('same seed, same bits, even beside another training in the same process', async () => {
  const alone = await train(regression());
  const [first, other, second] = await Promise.all([
    train(regression()),
    train(regression({ seed: 2 })),
    train(regression()),
  ]);
  expect(bits(first.parameters)).toEqual(bits(alone.parameters));
  expect(bits(second.parameters)).toEqual(bits(alone.parameters));
  expect(bits(other.parameters)).not.toEqual(bits(alone.parameters));
});

test.each(['mean', 'sum'] as const)(
  'an epoch is one pass over the permutation of (seed, epoch), the short batch included (%s)',
  async (reduction) => {
    const [count, batchSize, rate, decay, epochs] = [11, 4, 0.1, 0.5, 3];
    const values = Float32Array.from({ length: count }, (_, i) => i * i);
    const seed = 5;
    const result = await train({
      init: () => ({ w: array(Float32Array.of(1), [1]) }),
      loss: ({ w }, { x }) => mul(0.5, sum(square(sub(w, x)), [1])),
      reduction,
      data: { train: { x: array(values, [count, 1]) } },
      optimizer: sgd({ learningRate: rate, weightDecay: decay }),
      schedule: constantSchedule,
      epochs,
      batchSize,
      seed,
      threads: 1,
    });
    // w ← w − rate (Σ (w − x) or its mean + decay w), over the order that the seed promises.
    let w = 1;
    const losses: number[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = [...permutation(foldIn(split(key(seed), 2)[1], epoch), count)];
      let total = 0;
      for (let i = 0; i < count; i += batchSize) {
        const batch = order.slice(i, i + batchSize).map((k) => values[k]);
        total += batch.reduce((sum, x) => sum + 0.5 * (w - x) ** 2, 0);
        const gradient = batch.reduce((sum, x) => sum + w - x, 0) / (reduction === 'sum' ? 1 : batch.length);
        w -= rate * (gradient + decay * w);
      }
      losses.push(total / count);
    }
    expect(result.parameters.w.data[0] / w).toBeCloseTo(1, 5);
    result.history.forEach(({ train: loss }, i) => expect(loss / losses[i]).toBeCloseTo(1, 5));
    expect(result.best).toBeNull();
    expect(result.history[0].validation).toBeNull();
  },
);

describe('early stopping', () => {
  // A learning rate that explodes after two epochs: the validation metric can only rise from there.
  const unstable = {
    description: 'unstable',
    factor: ({ epoch }: { epoch: number }) => (epoch < 2 ? 1 : 40),
  };

  test('stops after `patience` epochs without improvement and gives back the best epoch', async () => {
    const options = regression({ schedule: unstable, epochs: 30, checkpoints: folder('early') });
    const result = await train({ ...options, earlyStopping: { patience: 3 } });
    expect(result.stopped).toBe('early');
    const validations = result.history.map(({ validation }) => validation as number);
    const best = Math.min(...validations);
    expect(result.best?.validation).toBe(best);
    expect(result.best?.epoch).toBe(validations.indexOf(best) + 1);
    expect(result.history.length).toBe(validations.indexOf(best) + 1 + 3);
    expect(bits(result.parameters)).toEqual(bits(result.best?.parameters));
    const file = await loadParameters(path.join(folder('early'), 'best.safetensors'), result.parameters);
    expect(bits(file.parameters)).toEqual(bits(result.parameters));
    const again = await train({ ...options, earlyStopping: { patience: 3 } });
    expect(again.stopped).toBe('early');
    expect(bits(again.parameters)).toEqual(bits(result.parameters));
  });

  test('an improvement below minDelta does not count', async () => {
    const result = await train(regression({ epochs: 30, earlyStopping: { patience: 2, minDelta: 100 } }));
    expect(result.history).toHaveLength(3);
  });
});

describe('augmentation', () => {
  const shifted = (batch: Record<string, NDArray>, k: Key): Record<string, NDArray> => {
    const noise = normal(k, batch['x'].data.length);
    const x = Float32Array.from(batch['x'].data, (value, i) => value + 0.1 * noise[i]);
    return { ...batch, x: array(x, batch['x'].shape, 'float32') };
  };

  test('has a key of its own in every step, and the same one when the training is run again', async () => {
    const record = async (seed: number): Promise<string[]> => {
      const keys: string[] = [];
      await train({
        ...stateful(),
        seed,
        epochs: 2,
        augment: (batch, k) => {
          keys.push(String(uniform(k, 1)[0]));
          return shifted(batch, k);
        },
      });
      return keys;
    };
    const keys = await record(1);
    // Programs are compiled with batches that train nothing: their keys come first, and once for each size of a batch.
    expect(new Set(keys).size).toBeGreaterThan(6);
    expect(await record(1)).toEqual(keys);
    expect(await record(2)).not.toEqual(keys);
  });

  test('is the same after an abort, to the bit, and does not touch what validates', async () => {
    const options = { ...stateful(), augment: shifted };
    const whole = await train(options);
    const stop = new AbortController();
    const first = await train({
      ...options,
      checkpoints: folder('augmented'),
      signal: stop.signal,
      onEpoch: ({ epoch }) => {
        if (epoch === 3) stop.abort();
      },
    });
    expect(first.stopped).toBe('aborted');
    const second = await train({ ...options, checkpoints: folder('augmented') });
    expect(bits(second.parameters)).toEqual(bits(whole.parameters));
    expect(bits(second.parameters)).not.toEqual(bits((await train(stateful())).parameters));
    // With a step of nothing, parameters stay, and so does the validation metric.
    const still = await train({ ...options, optimizer: sgd({ learningRate: 0 }), ema: undefined });
    const values = still.history.map(({ validation }) => validation);
    expect(new Set(values).size).toBe(1);
    expect(new Set(still.history.map(({ train: loss }) => loss)).size).toBe(values.length);
  });
});

test('with a moving average the weights of the last step are returned besides, and are those of a training without it', async () => {
  const averaged = await train(stateful());
  const plain = await train(stateful({ ema: undefined }));
  expect(bits(averaged.lastStep)).toEqual(bits(plain.parameters));
  expect(bits(plain.lastStep)).toEqual(bits(plain.parameters));
  expect(bits(averaged.parameters)).not.toEqual(bits(plain.parameters));
});

describe('what is not finite', () => {
  const loss = (params: MlpParameters<Tensor>, { x, y }: Record<string, Tensor>): Tensor => {
    const wrong = mlp.apply(params, x, tanh);
    return add(mse(wrong, y), mul(0, sum(log(add(params[0].bias, 100)))));
  };

  test('a loss stops the training with epoch and step; the last good epoch stays', async () => {
    const target = folder('nan');
    const explode = {
      description: 'explode',
      factor: ({ epoch, step }: { epoch: number; step: number }) => (epoch === 2 && step === 1 ? 1e30 : 1),
    };
    const options = regression({ loss, schedule: explode, checkpoints: target, checkpointInterval: 1000 });
    await expect(train(options)).rejects.toThrow(
      /train: the loss is (NaN|Infinity) in epoch 3, step 3 .*lower the learning rate/,
    );
    const { history } = JSON.parse(fs.readFileSync(path.join(target, 'last.json'), 'utf8')) as {
      history: unknown[];
    };
    expect(history).toHaveLength(2);
    const { parameters } = await train({ ...options, epochs: 2 });
    expect(bits(parameters).every(Number.isFinite)).toBe(true);
  });

  test('the reason is looked for with the parameters right before that step, however many ran at once', async () => {
    const explode = {
      description: 'explode',
      factor: ({ epoch, step }: { epoch: number; step: number }) => (epoch === 2 && step === 1 ? 1e30 : 1),
    };
    const seen: number[][] = [];
    const explain = ({ parameters }: { parameters: MlpParameters }): Promise<string> => {
      seen.push(bits(parameters));
      return Promise.resolve('they exploded');
    };
    await expect(train(regression({ loss, schedule: explode, explain }))).rejects.toThrow(/they exploded/);
    expect(seen).toHaveLength(1);
    expect(Math.max(...seen[0].map(Math.abs))).toBeGreaterThan(1e20);
    expect(seen[0].every(Number.isFinite)).toBe(true);
  });

  test('a value in the data is found before the first step', async () => {
    const { x, y } = regression().data.train;
    const bad = { ...y, data: y.data.slice() } as NDArray;
    bad.data[7] = NaN;
    await expect(train(regression({ data: { train: { x, y: bad } } }))).rejects.toThrow(
      /data\.train\.y holds NaN in sample 7/,
    );
  });
});

test('a predictor is compiled once for each batch size, whatever the number of runs', async () => {
  let traced = 0;
  const params = { w: array(Float32Array.of(3), [1]) };
  const x = array(Float32Array.of(1, 2, 3, 4, 5), [5, 1]);
  const apply = ({ w }: { w: Tensor }, rows: Tensor): Tensor => {
    traced++;
    return mul(w, rows);
  };
  const model = predictor(apply, params, x, { batchSize: 2, threads: 1 });
  const first = await model.run(params, x);
  const compiled = traced;
  const second = await model.run({ w: array(Float32Array.of(-1), [1]) }, x);
  await model.dispose();
  expect([...first.data]).toEqual([3, 6, 9, 12, 15]);
  expect([...second.data]).toEqual([-1, -2, -3, -4, -5]);
  expect(traced).toBe(compiled);
});

test('timers run during training', async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  await train(regression({ epochs: 60 }));
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(0);
});

test.each([
  [{ epochs: 0 }, /epochs is 0/],
  [{ batchSize: 1.5 }, /batchSize is 1\.5/],
  [{ clipNorm: -1 }, /clipNorm is -1/],
  [{ ema: 1 }, /ema is 1/],
  [{ checkpointInterval: NaN }, /checkpointInterval is NaN/],
  [{ earlyStopping: { patience: 1 }, data: { train: regression().data.train } }, /needs data\.validation/],
  [{ data: { train: {} } }, /no arrays/],
  [
    { data: { train: { x: array([1, 2]), y: array([1]) } } },
    /data\.train\.y has shape \[1\], but data\.train\.x has \[2\]/,
  ],
  [
    { loss: (p: MlpParameters<Tensor>, { x }: Record<string, Tensor>) => mlp.apply(p, x) },
    /the loss has shape \[8, 1\]/,
  ],
  [
    { metric: (p: MlpParameters<Tensor>, { x }: Record<string, Tensor>) => mlp.apply(p, x) },
    /metric: it gave shape \[8, 1\] for a batch of 8/,
  ],
])('options that do not fit are named (%#)', async (changes, message) => {
  await expect(train(regression(changes))).rejects.toThrow(message);
});
