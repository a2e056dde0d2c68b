/** Training steps and sampling of flows beside plain PyTorch modules: `npm run bench:flows [-- --only real-nvp-training,… --json]`. */
import { array, compile, neg, specsOf, type NDArray, type Tensor } from '../src/tensor/index.ts';
import { foldIn, key, normal } from '../src/tensor/random.ts';
import {
  adam,
  constantsOf,
  countParameters,
  initialState,
  layoutOf,
  packTree,
  type StepDefinition,
} from '../src/nn/index.ts';
import { getModel, type FlowParameters } from '../src/flows/index.ts';
import { besidePyTorch } from './beside.ts';
import type { Case } from './case.ts';
import { matrixProduct } from './cases.ts';
import { stepCase } from './step.ts';

/** Samples of three numbers, as on sets in space; eight blocks with networks of 2 × 64. */
const [BATCH, D, BLOCKS, HIDDEN] = [500, 3, 8, [64, 64]] as const;

const sizes = (model: string) => ({ model, batch: BATCH, d: D, blocks: BLOCKS, hidden: [...HIDDEN] });

const create = (model: string) =>
  getModel(model).create({ shape: [D] }, { blocks: BLOCKS, hidden: [...HIDDEN] });

const samples = (seed: number): NDArray => array(normal(key(seed), BATCH * D), [BATCH, D], 'float32');

function training(model: string, threads: number): Case {
  return {
    name: `${model}-training`,
    title: `${model} training step, batch ${BATCH}`,
    peer: { case: 'flowTraining', arguments: sizes(model) },
    async prepare() {
      const flow = create(model);
      const parameters = flow.init(key(0));
      const definition: StepDefinition<FlowParameters> = {
        layout: layoutOf(parameters),
        optimizer: adam({ learningRate: 1e-3 }),
        loss: (p, { x }) => neg(flow.logProb(p, x)),
      };
      return stepCase(definition, initialState(definition, packTree(parameters)), { x: samples(1) }, threads);
    },
  };
}

/** Random numbers are drawn anew for each batch, on both sides; the parameters are constants, as in every use of a trained flow. */
function sampling(model: string, threads: number): Case {
  return {
    name: `${model}-sampling`,
    title: `${model} sampling, batch ${BATCH}`,
    peer: { case: 'flowSampling', arguments: sizes(model) },
    async prepare() {
      const flow = create(model);
      const parameters = flow.init(key(0));
      const program = await compile(
        (rows: Tensor) => flow.sample(constantsOf(parameters), rows),
        [specsOf(samples(1))],
        { threads },
      );
      let batch = 0;
      return {
        flops: program.productFlops,
        parameters: countParameters(parameters),
        run() {
          const rows = flow.draw(foldIn(key(2), batch++), BATCH);
          return program.run([{ ...rows, data: Float32Array.from(rows.data), dtype: 'float32' }]);
        },
        dispose: () => program.dispose(),
      };
    },
  };
}

const models = ['real-nvp', 'maf', 'nsf', 'residual-flow'];

await besidePyTorch('flows', (threads) => [
  matrixProduct(threads),
  ...models.flatMap((model) => [training(model, threads), sampling(model, threads)]),
]);
