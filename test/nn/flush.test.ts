import fc from 'fast-check';
import { expect, test } from 'vitest';
import { array, mean, mul, square, sum } from '../../src/tensor/index.ts';
import {
  adam,
  compileStep,
  FLUSH_EVERY,
  flushTiny,
  hyperOf,
  initialState,
  layoutOf,
  packTree,
  sgd,
  stateInBlocks,
  stateOfBlocks,
  train,
  type StepDefinition,
} from '../../src/nn/index.ts';

const SMALLEST_NORMAL = 2 ** -126;
const subnormals = (values: ArrayLike<number>): number =>
  Array.from(values).filter((v) => v !== 0 && Math.abs(v) < SMALLEST_NORMAL).length;

const optimizer = adam({ learningRate: 1e-3, weightDecay: 1e-4 });
const ordinary = fc.float({ min: Math.fround(1e-26), noNaN: true });
const tiny = fc.float({ min: 0, max: Math.fround(8e-28), noNaN: true });

test('values of ordinary size pass unchanged, tiny ones become zero, in arrays of their own', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(ordinary, tiny)), (pairs) => {
      const values = Float32Array.from(pairs.flatMap(([x, y]) => [x, -y, 0, -x, y, -0]));
      const given = values.slice();
      const [[parameters], [first], [second]] = flushTiny(
        { optimizer },
        Array.from({ length: 3 }, () => [array(values)]),
      );
      // −0 would be told from 0.
      const expected = pairs.flatMap(([x, y]) => [x, y === 0 ? -0 : 0, 0, -x, 0, -0]);
      expect(Array.from(parameters.data)).toEqual(expected);
      expect(first.data).toEqual(parameters.data);
      expect(second.data).toEqual(given);
      expect(values).toEqual(given);
    }),
  );
});

test('a parameter that no gradient reaches decays without ever becoming subnormal', async () => {
  const idle = Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? -1 : 1) * 10 ** (-2 - i / 7));
  const parameters = { used: array(Float32Array.of(1, -2)), idle: array(idle) };
  const definition: StepDefinition<typeof parameters> = {
    layout: layoutOf(parameters),
    optimizer,
    loss: (p) => mean(square(p.used)),
  };
  const batch = { x: array(new Float32Array(1)) };
  const program = await compileStep(definition, batch);
  let state = stateInBlocks(definition.layout, initialState(definition, packTree(parameters)));
  let seen = 0;
  // The published halving of the rate, fast: decay sets in once rate · decay / ε < 1.
  for (let t = 1; t <= 8000; t++) {
    const hyper = hyperOf(definition, 1e-3 * 0.5 ** Math.floor(t / 500), t);
    ({ carry: state } = await program.run(state, [{ hyper, batch }]));
    const [theta, momentum] = stateOfBlocks(state);
    seen += subnormals(theta.data) + subnormals(momentum.data);
    if (t % FLUSH_EVERY === 0) state = flushTiny(definition, state);
  }
  expect(seen).toBe(0);
  expect(Math.max(...stateOfBlocks(state)[0].data.slice(2).map(Math.abs))).toBeLessThan(1e-20);
  await program.dispose();
});

/** One epoch of 300 steps on −½ p², which take p to p (1 + rate), from 5 · 10⁻²⁸. */
async function grown(rateAt: (step: number) => number): Promise<number> {
  const rates = { description: 'given', factor: ({ step }: { step: number }) => rateAt(step) };
  const { parameters } = await train({
    init: () => ({ p: array(Float32Array.of(5e-28)) }),
    loss: ({ p }) => mul(-0.5, sum(square(p))),
    data: { train: { x: array(new Float32Array(300)) } },
    optimizer: sgd({ learningRate: 1 }),
    schedule: rates,
    epochs: 1,
    batchSize: 1,
    seed: 0,
    threads: 1,
  });
  return parameters.p.data[0];
}

test('a training flushes at fixed steps, however many run at once', async () => {
  const still = await grown((step) => (step < FLUSH_EVERY ? 0 : 0.25));
  expect(still).toBe(0);
  const early = await grown((step) => (step < FLUSH_EVERY ? 0.25 : 0));
  expect(early / (5e-28 * 1.25 ** FLUSH_EVERY)).toBeCloseTo(1, 4);
});
