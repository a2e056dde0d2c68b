import { existsSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readEpidemic } from '../../datasets/covid/read.ts';
import { epidemicSeries, type EpidemicSeries, type TaskOptions } from '../../datasets/covid/task.ts';
import { cutWindows, windowCount } from '../../datasets/covid/windows.ts';
import {
  forecastLoss,
  forecasterFamilies,
  getForecaster,
  inFrame,
  meanAbsoluteErrors,
  persistence,
  rungeKutta4,
  scalesOf,
  slope,
  type Forecaster,
  type ForecastShape,
} from '../../src/forecasting/index.ts';
import { countParameters } from '../../src/nn/index.ts';
import {
  array,
  compile,
  grad,
  mul,
  sliceAxis,
  spec,
  specsOf,
  sum,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';

const small: ForecastShape = { history: 14, horizon: 7, states: 4, quantities: 2 };
const published: ForecastShape = { history: 14, horizon: 7, states: 50, quantities: 3 };
const width = small.states * small.quantities;

/** f(parameters, u) in float64 on the reference engine. */
async function evaluate<P>(
  f: (parameters: never, u: Tensor) => Tensor,
  parameters: P,
  u: NDArray,
): Promise<NDArray> {
  const program = await compile(f, [specsOf(parameters), spec(u.shape)] as never, {
    engine: 'reference',
    dtype: 'float64',
  });
  try {
    return await program.run([parameters, u] as never);
  } finally {
    await program.dispose();
  }
}

const histories = (seed: number, n = 2): NDArray =>
  array(normal(key(seed), n * small.history * width), [n, small.history, small.states, small.quantities]);

const outputs = async (model: Forecaster, parameters: unknown, u: NDArray): Promise<Float64Array> =>
  Float64Array.from((await evaluate((p, x) => model.apply(p, x), parameters, u)).data);

describe.each(forecasterFamilies.map((family) => [family.name, family] as const))('%s', (_, family) => {
  const model = family.create(small);
  const parameters = model.init(key(1));

  test('gives [batch, horizon, states, quantities], every sample from its own history', async () => {
    const u = histories(2);
    const y = await evaluate((p, x) => model.apply(p, x), parameters, u);
    expect(y.shape).toEqual([2, 7, 4, 2]);
    const changed = Float64Array.from(u.data);
    changed[changed.length - 1] += 1;
    const z = await outputs(model, parameters, array(changed, u.shape));
    const half = y.data.length / 2;
    expect([...z.subarray(0, half)]).toEqual([...y.data.subarray(0, half)]);
    expect([...z.subarray(half)]).not.toEqual([...y.data.subarray(half)]);
  });

  test('sees every day of the history, and the order of the days', async () => {
    const u = histories(3, 1);
    const gradient = await evaluate(
      (p, x) => grad((v: Tensor) => sum(mul(model.apply(p, v), model.apply(p, v))))(x),
      parameters,
      u,
    );
    for (let day = 0; day < small.history; day++)
      expect(gradient.data.subarray(day * width, (day + 1) * width).some((value) => value !== 0)).toBe(true);
    const reversed = Float64Array.from(
      u.data,
      (_value, i) => u.data[(small.history - 1 - Math.floor(i / width)) * width + (i % width)],
    );
    expect(await outputs(model, parameters, array(reversed, u.shape))).not.toEqual(
      await outputs(model, parameters, u),
    );
  });

  test('has about the published number of parameters', () => {
    const count = countParameters(family.create(published).init(key(0)));
    expect(count / family.publishedParameters).toBeGreaterThan(0.9);
    expect(count / family.publishedParameters).toBeLessThan(1.1);
  });

  test('refuses options it does not have', () => {
    expect(() => family.create(small, { depth: 3 })).toThrow(`${family.name}: options`);
  });
});

interface Dense {
  readonly weight: NDArray;
  readonly bias: NDArray;
}

const dense = ({ weight, bias }: Dense, x: readonly number[]): number[] =>
  Array.from(bias.data, (b, j) =>
    x.reduce((total, value, i) => total + value * weight.data[i * bias.data.length + j], b),
  );

test('fc against plain loops: each state by itself, each forecast day joins the history', async () => {
  const model = getForecaster('fc').create(small, { width: 5 });
  const layers = model.init(key(4)) as readonly Dense[];
  const u = histories(5, 1);
  const y = await outputs(model, layers, u);
  for (let s = 0; s < small.states; s++) {
    const days = Array.from({ length: small.history }, (_, t) =>
      [0, 1].map((q) => u.data[(t * small.states + s) * 2 + q]),
    );
    for (let h = 0; h < small.horizon; h++) {
      let x = days.slice(-small.history).flat();
      for (const [i, layer] of layers.entries())
        x = dense(layer, x).map((value) => (i < layers.length - 1 ? Math.max(0, value) : value));
      days.push(x);
      for (const q of [0, 1]) expect(y[(h * small.states + s) * 2 + q]).toBeCloseTo(x[q], 12);
    }
  }
});

test('seq2seq against plain loops: an LSTM reads, another writes, fed with what it wrote', async () => {
  const model = getForecaster('seq2seq').create(small, { hidden: 3 });
  interface Cell {
    readonly inputWeight: NDArray;
    readonly hiddenWeight: NDArray;
    readonly inputBias: NDArray;
    readonly hiddenBias: NDArray;
  }
  const p = model.init(key(6)) as { encoder: Cell; decoder: Cell; head: Dense };
  const u = histories(7, 1);
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const step = (cell: Cell, x: readonly number[], hidden: readonly number[], memory: readonly number[]) => {
    const inner = dense({ weight: cell.inputWeight, bias: cell.inputBias }, x);
    const gates = dense({ weight: cell.hiddenWeight, bias: cell.hiddenBias }, hidden).map(
      (value, i) => value + inner[i],
    );
    const next = memory.map(
      (c, i) => sigmoid(gates[3 + i]) * c + sigmoid(gates[i]) * Math.tanh(gates[6 + i]),
    );
    return [next.map((c, i) => sigmoid(gates[9 + i]) * Math.tanh(c)), next] as const;
  };
  let [hidden, memory]: readonly (readonly number[])[] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  const day = (t: number): number[] => Array.from(u.data.subarray(t * width, (t + 1) * width));
  for (let t = 0; t < small.history; t++) [hidden, memory] = step(p.encoder, day(t), hidden, memory);
  let x = day(small.history - 1);
  const y = await outputs(model, p, u);
  for (let h = 0; h < small.horizon; h++) {
    [hidden, memory] = step(p.decoder, x, hidden, memory);
    x = dense(p.head, hidden);
    for (const [j, value] of x.entries()) expect(y[h * width + j]).toBeCloseTo(value, 12);
  }
});

test('a Runge–Kutta step is exact to order 4: its error on dy/dt = −y falls sixteenfold with half the step', async () => {
  const error = async (steps: number): Promise<number> => {
    const solve = (_: never, y: Tensor): Tensor => {
      let state = y;
      for (let i = 0; i < steps; i++) state = rungeKutta4((v) => mul(-1, v), state, 1 / steps);
      return state;
    };
    const { data } = await evaluate(solve, {}, array(Float64Array.of(1), [1]));
    return Math.abs(data[0] - Math.exp(-1));
  };
  const order = Math.log2((await error(8)) / (await error(16)));
  expect(order).toBeGreaterThan(3.9);
  expect(order).toBeLessThan(4.1);
});

test('neural-ode: a vector field of zero keeps the decoded state', async () => {
  const model = getForecaster('neural-ode').create(small, { width: 3, hidden: 4 });
  const p = model.init(key(8)) as { encoder: Dense; field: readonly Dense[]; decoder: Dense };
  const still = p.field.map(({ weight, bias }) => ({
    weight: { ...weight, data: new Float32Array(weight.data.length) },
    bias: { ...bias, data: new Float32Array(bias.data.length) },
  }));
  const u = histories(9, 1);
  const y = await outputs(model, { ...p, field: still }, u);
  const expected = dense(p.decoder, dense(p.encoder, Array.from(u.data)));
  for (let i = 0; i < y.length; i++) expect(y[i]).toBeCloseTo(expected[i % width], 12);
});

describe('baselines', () => {
  test('the line through the last seven days is exact on straight series, persistence on constant ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: width, maxLength: width }),
        (lines) => {
          const at = (t: number, slopes: boolean): number[] =>
            lines.map(([a, b]) => a + (slopes ? b * t : 0));
          const days = (from: number, count: number, slopes: boolean): Float64Array =>
            Float64Array.from(Array.from({ length: count }, (_, i) => at(from + i, slopes)).flat());
          const near = (a: Float64Array, b: Float64Array): void => {
            for (const [i, value] of a.entries())
              expect(Math.abs(value - b[i])).toBeLessThan(1e-5 * (1 + Math.abs(b[i])));
          };
          near(slope.predict(days(0, 14, true), small), days(14, 7, true));
          near(persistence.predict(days(0, 14, false), small), days(14, 7, false));
        },
      ),
    );
  });

  test('a history of another length is refused', () => {
    expect(() => slope.predict(new Float64Array(15 * width), small)).toThrow('expected windows of 14 days');
  });
});

describe('frames', () => {
  const network = (answer: (x: Tensor) => Tensor): Forecaster => ({
    name: 'test',
    title: 'test',
    options: {},
    shape: small,
    init: () => ({}),
    apply: (_, x) => answer(x),
  });
  /** The last 7 of 14 days times a factor. */
  const ahead = (x: Tensor, factor: number): Tensor => mul(factor, sliceAxis(x, 1, 7));

  test('correction: a network that answers zero is the line of the last seven days', async () => {
    const u = histories(10);
    const future = Float64Array.from(normal(key(11), 2 * 7 * width));
    const scales = scalesOf(Float64Array.from(u.data), future, small);
    const model = inFrame(
      network((x) => ahead(x, 0)),
      'correction',
      scales,
    );
    const y = await outputs(model, {}, u);
    const line = slope.predict(Float64Array.from(u.data), small);
    for (let i = 0; i < y.length; i++) expect(y[i]).toBeCloseTo(line[i], 10);
  });

  test('counts: what the network is given has mean square one on the training windows', async () => {
    const u = histories(12);
    const data = Float64Array.from(u.data, (value, i) => value * (i % 2 ? 1e-3 : 10));
    const scales = scalesOf(data, new Float64Array(2 * 7 * width), small);
    const seen: Tensor[] = [];
    const model = inFrame(
      network((x) => {
        seen.push(x);
        return ahead(x, 1);
      }),
      'counts',
      scales,
    );
    const given = await evaluate(
      (p, x) => {
        model.apply(p, x);
        return seen[seen.length - 1];
      },
      {},
      array(data, u.shape),
    );
    for (const q of [0, 1]) {
      const values = given.data.filter((_, i) => i % 2 === q) as Float64Array;
      expect(values.reduce((total, value) => total + value ** 2, 0) / values.length).toBeCloseTo(1, 10);
    }
    // The scale is taken out again: the identity gives the counts.
    const y = await outputs(model, {}, array(data, u.shape));
    expect(y[0]).toBeCloseTo(data[7 * width], 10);
  });
});

test('losses: field is one relative error, balanced the mean of the errors of the quantities', async () => {
  const truth = normal(key(13), 2 * 7 * width).map((value, i) => value * (i % 2 ? 0.01 : 1));
  const prediction = truth.map((value, i) => value * (i % 2 ? 1.5 : 1.1));
  const shape = [2, 7, 4, 2];
  const value = async (kind: 'field' | 'balanced'): Promise<number> => {
    const { data } = await evaluate(
      (t, p) => forecastLoss(kind, p, t),
      array(truth, shape),
      array(prediction, shape),
    );
    return data[0];
  };
  expect(await value('balanced')).toBeCloseTo((0.5 + 0.1) / 2, 10);
  expect(await value('field')).toBeLessThan(0.101);
});

const file = path.join(process.env['SEXTANT_DATA'] ?? '', 'covid', 'us_states_daily_nov2021vintage.csv');

describe.skipIf(!existsSync(file))(
  'golden baselines on the reported counts (nov2021 vintage), all 484 windows',
  () => {
    const errors = async (
      options: TaskOptions,
    ): Promise<Record<string, { C: number; R?: number; D: number; l2: number }>> => {
      const series: EpidemicSeries = epidemicSeries(await readEpidemic(file), options);
      const shape = {
        history: 14,
        horizon: 7,
        states: series.states.length,
        quantities: series.quantities.length,
      };
      const starts = Array.from({ length: windowCount(series.days.length) }, (_, i) => i);
      expect(starts).toHaveLength(484);
      const { history, future } = cutWindows(series.counts, shape.states * shape.quantities, starts);
      const result: Record<string, { C: number; R?: number; D: number; l2: number }> = {};
      for (const baseline of [slope, persistence]) {
        const forecast = baseline.predict(history, shape);
        const values = meanAbsoluteErrors(forecast, future, shape.quantities);
        const span = shape.states * shape.quantities;
        let l2 = 0;
        for (let i = 0; i < starts.length; i++) {
          let difference = 0;
          let norm = 0;
          for (let j = i * 7 * span; j < (i + 1) * 7 * span; j++) {
            const people = series.population[Math.floor((j % span) / shape.quantities)];
            difference += ((forecast[j] - future[j]) / people) ** 2;
            norm += (future[j] / people) ** 2;
          }
          l2 += Math.sqrt(difference / norm) / starts.length;
        }
        result[baseline.name] = {
          C: values[0],
          ...(shape.quantities === 3 ? { R: values[1] } : {}),
          D: values[shape.quantities - 1],
          l2,
        };
      }
      return result;
    };

    test.each<[TaskOptions['repair'], Record<string, readonly [number, number]>]>([
      ['none', { slope: [1301.358, 28.7647], persistence: [6118.696, 94.5332] }],
      ['cumulative-maximum', { slope: [1297.683, 28.4404] }],
    ])('confirmed and deaths, repair %s', async (repair, expected) => {
      const found = await errors({ task: 'cd', recovered: 'complete', repair });
      for (const [name, [confirmed, deaths]] of Object.entries(expected)) {
        expect(found[name].C).toBeCloseTo(confirmed, 2);
        expect(found[name].D).toBeCloseTo(deaths, 3);
      }
    });

    test('with recovered counts carried forward', async () => {
      const { slope: line, persistence: still } = await errors({
        task: 'crd',
        recovered: 'ffill',
        repair: 'none',
      });
      expect(line.R).toBeCloseTo(966.951, 2);
      expect(still.R).toBeCloseTo(2111.14, 2);
      expect(line.l2).toBeCloseTo(0.0229, 4);
    });
  },
);
