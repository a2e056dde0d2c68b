/** The PyTorch peers of the flows are the same models: equal parameters give equal densities and equal samples. */
import { expect, test } from 'vitest';
import { array, mapTree, type NDArray } from '../../src/tensor/index.ts';
import { foldIn, key, normal } from '../../src/tensor/random.ts';
import { getModel, logProb, toData, type FlowParameters } from '../../src/flows/index.ts';
import { evaluatePeer, named, python } from './evaluatePeer.ts';

const [d, blocks, hidden] = [3, 2, [10, 8]];

/** Away from the identity; matrices stay below the spectral limit of residual layers, where both sides leave them alone. */
function moved(parameters: FlowParameters): FlowParameters {
  let leaf = 0;
  return mapTree(parameters, (values: NDArray) => {
    const noise = normal(foldIn(key(5), leaf++), values.data.length);
    const data = Float32Array.from(noise, (z, i) => 0.4 * values.data[i] + 0.08 * z);
    return { data, shape: values.shape, dtype: 'float32' as const };
  });
}

test.skipIf(python === null).each(['real-nvp', 'maf', 'nsf', 'residual-flow'])(
  '%s: a peer in PyTorch with the same parameters gives the same densities and samples (needs SEXTANT_PYTHON or python3 with torch)',
  async (name) => {
    const flow = getModel(name).create({ shape: [d] }, { blocks, hidden });
    const parameters = moved(flow.init(key(1)));
    const points = (seed: number): NDArray => array(normal(key(seed), 20 * d), [20, d], 'float32');
    const [x, z] = [points(2), points(3)];
    const ours = await logProb(flow, parameters, x, {}, { threads: 1 });
    const samples = await toData(flow, parameters, z, {}, { threads: 1 });

    const sizes = [String(d), String(blocks), JSON.stringify(hidden)];
    const theirs = evaluatePeer('compareFlows.py', [name, ...sizes], { ...named(parameters), x, z }) as {
      logprob: number[];
      samples: number[];
    };
    theirs.logprob.forEach((value, i) => expect(Math.abs(value - ours.data[i])).toBeLessThan(1e-4));
    theirs.samples.forEach((value, i) => expect(Math.abs(value - samples.x.data[i])).toBeLessThan(1e-4));
    expect(theirs.logprob).toHaveLength(20);
    expect(theirs.samples).toHaveLength(20 * d);
  },
);
