/** Training steps of forecasting networks beside plain PyTorch modules: `npm run bench:forecasting [-- --only fno-3d,… --json]`. */
import { array, type NDArray } from '../src/tensor/index.ts';
import { key, normal } from '../src/tensor/random.ts';
import { adam, initialState, layoutOf, packTree, type StepDefinition } from '../src/nn/index.ts';
import { forecastLoss, getForecaster, type ForecastShape } from '../src/forecasting/index.ts';
import { besidePyTorch } from './beside.ts';
import type { Case } from './case.ts';
import { matrixProduct } from './cases.ts';
import { stepCase } from './step.ts';

/** Task and batch of the experiment covid with its defaults. */
const shape: ForecastShape = { history: 14, horizon: 7, states: 50, quantities: 2 };
const BATCH = 20;

const windows = (seed: number, days: number): NDArray => {
  const size = [BATCH, days, shape.states, shape.quantities];
  return array(normal(key(seed), BATCH * days * shape.states * shape.quantities), size, 'float32');
};

/** One training step as the experiment runs it, but for the scales of its data. */
function training(model: string, threads: number): Case {
  return {
    name: model,
    title: `${model} training step, batch ${BATCH}`,
    peer: { case: 'forecastTraining', arguments: { model, batch: BATCH, shape } },
    async prepare() {
      const network = getForecaster(model).create(shape);
      const parameters = network.init(key(0));
      const definition: StepDefinition<unknown> = {
        layout: layoutOf(parameters),
        optimizer: adam({ learningRate: 1e-3, weightDecay: 1e-4 }),
        reduction: 'sum',
        loss: (p, { history, future }) => forecastLoss('field', network.apply(p, history), future),
      };
      const batch = { history: windows(1, shape.history), future: windows(2, shape.horizon) };
      return stepCase(definition, initialState(definition, packTree(parameters)), batch, threads);
    },
  };
}

const models = ['fno-3d', 'pade-3d', 'mwt-3d', 'lno-3d', 'seq2seq', 'transformer', 'neural-ode'];

await besidePyTorch('forecasting', (threads) => [
  matrixProduct(threads),
  ...models.map((model) => training(model, threads)),
]);
