/** The PyTorch peers of the benchmarks are the same models: equal parameters give equal fields. */
import { expect, test } from 'vitest';
import { array } from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { predict } from '../../src/nn/index.ts';
import { families, getOperator } from '../../src/operators/index.ts';
import { evaluatePeer, named, python } from './evaluatePeer.ts';

/** Sizes that take no time; every grid has more levels or neighbours than the least. */
const options: Record<string, Record<string, unknown>> = {
  pade: { k: 3, channels: 4, modes: 5 },
  mwt: { k: 3, channels: 4, modes: 5 },
  fno: { width: 12, modes: 7, layers: 3 },
  mgno: { width: 6, kernelWidth: 20, levels: 3, depth: 2 },
  lno: { width: 6, rank: 2, layers: 3, hidden: [8, 10] },
  gno: { width: 6, kernelWidth: 10, depth: 3, radius: 0.15 },
};

test.skipIf(python === null).each(families.map(({ name }) => name))(
  '%s: a peer in PyTorch with the same parameters gives the same field (needs SEXTANT_PYTHON or python3 with torch)',
  async (name) => {
    const operator = getOperator(name, options[name]);
    const parameters = operator.init(key(3));
    const input = array(normal(key(4), 2 * 32), [2, 32, 1], 'float32');
    const ours = await predict((p: never, u) => operator.apply(p, u), parameters as never, input, {
      threads: 1,
    });
    const theirs = evaluatePeer('compare.py', [name, JSON.stringify(operator.options)], {
      ...named(parameters),
      input,
    }) as number[];

    const scale = Math.hypot(...ours.data);
    const difference = Math.hypot(...theirs.map((value, i) => value - ours.data[i]));
    expect(theirs).toHaveLength(64);
    expect(difference / scale).toBeLessThan(1e-4);
  },
);
