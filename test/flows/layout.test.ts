/** How programs of flows lie in memory: with the batch last, where graphs of operators and images stay as they are. */
import { expect, test } from 'vitest';
import {
  array,
  compile,
  complexArray,
  mean,
  neg,
  specsOf,
  sum,
  valueAndGrad,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { trace, type Specs } from '../../src/tensor/compile.ts';
import { legalForOnnx } from '../../src/tensor/engines/onnx/lower.ts';
import { batchLast } from '../../src/tensor/graph/batchLast.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { flatten } from '../../src/tensor/tree.ts';
import { getModel } from '../../src/flows/index.ts';
import { equispacedMask, varNet, varNetSizes } from '../../src/mri/index.ts';
import { relativeL2 } from '../../src/nn/index.ts';
import { getOperator } from '../../src/operators/index.ts';

type Function = (...args: never[]) => unknown;

/** Whether the lowering to ONNX Runtime changes the layout of f. */
function changes(f: Function, specs: Specs): boolean {
  const legal = legalForOnnx(trace(f, specs, 'float32', false).outputs);
  return batchLast(legal) !== legal;
}

const samples = (shape: readonly number[]): NDArray =>
  array(
    normal(
      key(1),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );

const flows = ['real-nvp', 'maf', 'nsf', 'residual-flow'];

function trainingOf(model: string): { f: Function; args: unknown[] } {
  const flow = getModel(model).create({ shape: [3] }, { blocks: 2, hidden: [8, 8] });
  const loss = (p: never, x: Tensor): Tensor => neg(mean(flow.logProb(p, x)));
  return { f: valueAndGrad(loss), args: [flow.init(key(0)), samples([128, 3])] };
}

test.each(flows)('%s: density, gradient and samples with the batch last', (model) => {
  const { f, args } = trainingOf(model);
  expect(changes(f, specsOf(args) as Specs)).toBe(true);
  const flow = getModel(model).create({ shape: [3] }, { blocks: 2, hidden: [8, 8] });
  expect(changes((p: never, rows: Tensor) => flow.sample(p, rows), specsOf(args) as Specs)).toBe(true);
});

test.each(flows)('%s: ONNX Runtime in float64 gives what the reference gives', async (model) => {
  const { f, args } = trainingOf(model);
  const values = await Promise.all(
    (['onnx', 'reference'] as const).map(async (engine) => {
      const program = await compile(f as never, specsOf(args) as never, { engine, dtype: 'float64' });
      const result = await program.run(args as never);
      await program.dispose();
      return flatten<NDArray>(result).leaves.flatMap(({ data }) => Array.from(data));
    }),
  );
  const [actual, expected] = values;
  const scale = Math.max(...expected.map(Math.abs));
  expect(actual).toHaveLength(expected.length);
  expect(Math.max(...actual.map((value, i) => Math.abs(value - expected[i]) / scale))).toBeLessThan(1e-11);
});

test.each(['fno', 'mwt', 'pade', 'lno-small', 'gno-small', 'mgno-small'])(
  '%s stays as it is written',
  (model) => {
    const operator = getOperator(model);
    const loss = (p: never, u: Tensor): Tensor => mean(relativeL2(operator.apply(p, u), u));
    const specs = specsOf([operator.init(key(0)), samples([20, 64, 1])]);
    expect(changes(valueAndGrad(loss) as Function, specs as Specs)).toBe(false);
  },
);

test('a reconstruction network stays as it is written', () => {
  const [coils, side] = [4, 64];
  const kspace = complexArray(
    samples([coils * side * side]).data as Float64Array,
    samples([coils * side * side]).data as Float64Array,
    [1, coils, side, side],
  );
  const mask = equispacedMask(key(2), { width: side, acceleration: 4, acsLines: 8 });
  const parameters = varNet.init(key(0), varNetSizes.small);
  const loss = (p: never, k: never, m: Tensor): Tensor => sum(varNet.apply(p, { kspace: k, mask: m }));
  expect(changes(valueAndGrad(loss) as Function, specsOf([parameters, kspace, mask]) as Specs)).toBe(false);
});
