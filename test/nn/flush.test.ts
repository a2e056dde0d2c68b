import fc from 'fast-check';
import { expect, test } from 'vitest';
import { array, compile, mean, spec, square, type Tensor } from '../../src/tensor/index.ts';
import {
  adam,
  compileStep,
  hyperOf,
  initialState,
  layoutOf,
  packTree,
  stateInBlocks,
  stateOfBlocks,
  type StepDefinition,
} from '../../src/nn/index.ts';
import { flushTiny } from '../../src/nn/optimizers/flush.ts';

const SMALLEST_NORMAL = 2 ** -126;
const subnormals = (values: ArrayLike<number>): number =>
  Array.from(values).filter((v) => v !== 0 && Math.abs(v) < SMALLEST_NORMAL).length;

test('float32 values of ordinary size pass unchanged, tiny ones become zero', async () => {
  const program = await compile((x: Tensor) => flushTiny(x), [spec([4])]);
  await fc.assert(
    fc.asyncProperty(
      fc.float({ min: Math.fround(1e-12), max: Math.fround(1e30), noNaN: true }),
      fc.float({ min: 0, max: Math.fround(1e-28), noNaN: true }),
      async (ordinary, tiny) => {
        const { data } = await program.run([array(Float32Array.of(ordinary, -ordinary, tiny, -tiny))]);
        expect(Array.from(data)).toEqual([ordinary, -ordinary, 0, 0]);
      },
    ),
  );
  await program.dispose();
});

test('a parameter that no gradient reaches decays without ever becoming subnormal', async () => {
  const idle = Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? -1 : 1) * 10 ** (-2 - i / 7));
  const parameters = { used: array(Float32Array.of(1, -2)), idle: array(idle) };
  const definition: StepDefinition<typeof parameters> = {
    layout: layoutOf(parameters),
    optimizer: adam({ learningRate: 1e-3, weightDecay: 1e-4 }),
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
  }
  expect(seen).toBe(0);
  expect(Math.max(...stateOfBlocks(state)[0].data.slice(2).map(Math.abs))).toBeLessThan(1e-20);
  await program.dispose();
});
