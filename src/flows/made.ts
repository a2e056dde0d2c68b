/**
 * MADE (Germain, Gregor, Murray & Larochelle 2015): a dense network whose outputs for entry i see entries 1 … i − 1 only (and the
 * context). Hidden units are sorted by degree: a unit of degree m sees the entries 1 … m, so the mask of a hidden layer is a
 * staircase, and units can be computed in the order in which entries become known.
 */
import {
  add,
  concat,
  constant,
  matmul,
  mul,
  reshape,
  sliceAxis,
  type NDArray,
  type Tensor,
} from '../tensor/index.ts';
import { linear, type LinearParameters } from '../nn/index.ts';
import { split, type Key } from '../tensor/random.ts';
import { activations, initDense, type NetworkOptions } from './conditioner.ts';

export interface MadeParameters<Leaf = NDArray> {
  readonly layers: readonly LinearParameters<Leaf>[];
  /** Of a flow with a context: `[context, width of the first layer]`. */
  readonly context?: Leaf;
}

/** Number of units of a layer whose degree is at most m, for m = 0 … d − 1. Degrees are spread evenly. */
function unitsUpTo(width: number, d: number): number[] {
  // Degree 0 (the context alone) has its share too: the first entry needs a network where there is a context.
  return Array.from({ length: d }, (_, m) => Math.round((width * (m + 1)) / d));
}

export const made = {
  init(key: Key, d: number, context: number, numbers: number, { hidden }: NetworkOptions): MadeParameters {
    const [own, beside] = split(key, 2);
    const layers = initDense(own, d, d * numbers, hidden);
    if (context === 0) return { layers };
    return { layers, context: linear.init(beside, { inputs: context, outputs: hidden[0] }).weight };
  },

  /** x `[batch, d]` → `[batch, d, numbers]`. */
  apply(
    { layers, context: weight }: MadeParameters<Tensor>,
    x: Tensor,
    {
      context,
      activation,
    }: { readonly context: Tensor | undefined; readonly activation: NetworkOptions['activation'] },
  ): Tensor {
    const [batch, d] = x.shape;
    const f = activations[activation];
    const shown = fromContext(weight, context);
    const out = layers.reduce((h, layer, i) => {
      const [inputs, outputs] = layer.weight.shape;
      const mask = maskOf({ inputs, outputs, d, first: i === 0, last: i === layers.length - 1 });
      const z = linear.apply({ weight: mul(layer.weight, mask), bias: layer.bias }, h);
      const all = i === 0 && shown ? add(z, shown) : z;
      return i === layers.length - 1 ? all : f(all);
    }, x);
    return reshape(out, [batch, d, -1]);
  },

  /**
   * Entry after entry, in one program and with the work of one pass: `next(i, raw)` gives entry i `[batch, 1]` from its numbers
   * `[batch, 1, numbers]`. Each hidden unit is computed once, as soon as the last entry it sees is known; masks are not needed, since
   * the parts of the weights that they cut are never read.
   */
  unroll(
    { layers, context: weight }: MadeParameters<Tensor>,
    batch: number,
    d: number,
    next: (i: number, raw: Tensor) => Tensor,
    {
      context,
      activation,
    }: { readonly context: Tensor | undefined; readonly activation: NetworkOptions['activation'] },
  ): Tensor {
    const f = activations[activation];
    const shown = fromContext(weight, context);
    const hidden = layers.slice(0, -1);
    const last = layers[layers.length - 1];
    const numbers = last.weight.shape[1] / d;
    const ends = hidden.map((layer) => unitsUpTo(layer.weight.shape[1], d));
    /** What is known of each hidden layer, block by block. */
    const known: Tensor[][] = hidden.map(() => []);
    const entries: Tensor[] = [];
    for (let i = 0; i < d; i++) {
      // Units of degree i: those that entry i − 1 completes.
      hidden.forEach((layer, l) => {
        const from = i === 0 ? 0 : ends[l][i - 1];
        const to = ends[l][i];
        if (to === from) return;
        const inputs = l === 0 ? entries : known[l - 1];
        const affine = affineBlock(layer, inputs, [from, to], batch);
        known[l].push(f(l === 0 && shown ? add(affine, sliceAxis(shown, 1, from, to)) : affine));
      });
      const seen = hidden.length === 0 ? entries : known[hidden.length - 1];
      const raw = affineBlock(last, seen, [i * numbers, (i + 1) * numbers], batch);
      entries.push(next(i, reshape(raw, [batch, 1, numbers])));
    }
    return concat(entries, 1);
  },
};

/** Columns from … to of x W + b, where x are the first inputs of the layer, in blocks. */
function affineBlock(
  { weight, bias }: LinearParameters<Tensor>,
  blocks: readonly Tensor[],
  [from, to]: readonly [number, number],
  batch: number,
): Tensor {
  const b = reshape(sliceAxis(bias, 0, from, to), [1, to - from]);
  if (blocks.length === 0) return add(b, constant(new Float64Array(batch), [batch, 1]));
  // A node keeps the list it is given, and the caller's grows.
  const x = concat([...blocks], 1);
  const part = sliceAxis(sliceAxis(weight, 1, from, to), 0, 0, x.shape[1]);
  return add(matmul(x, part), b);
}

function fromContext(weight: Tensor | undefined, context: Tensor | undefined): Tensor | null {
  if (weight && context) return matmul(context, weight);
  if (!weight && !context) return null;
  throw new Error(
    `flow: an autoregressive network made ${weight ? `for ${weight.shape[0]} numbers of` : 'without'} context got ${context ? 'one' : 'none'}; pass the context [batch, n] that the flow was initialised for`,
  );
}

interface MaskChoice {
  readonly inputs: number;
  readonly outputs: number;
  readonly d: number;
  readonly first: boolean;
  readonly last: boolean;
}

/** 1 where an output may see an input: degree of the input ≤ degree of a hidden unit, < position of an output. */
function maskOf({ inputs, outputs, d, first, last }: MaskChoice): Tensor {
  // Entry j (from 0) has degree j + 1; numbers of output entry j belong to degree j.
  const degreesIn = first ? Array.from({ length: inputs }, (_, j) => j + 1) : degreesOf(inputs, d);
  const degreesOut = last
    ? Array.from({ length: outputs }, (_, j) => Math.floor(j / (outputs / d)))
    : degreesOf(outputs, d);
  const mask = new Float64Array(inputs * outputs);
  degreesIn.forEach((a, i) => degreesOut.forEach((b, j) => (mask[i * outputs + j] = Number(a <= b))));
  return constant(mask, [inputs, outputs]);
}

/** Degrees 0 … d − 1 of the units of a hidden layer, ascending. */
function degreesOf(width: number, d: number): number[] {
  const ends = unitsUpTo(width, d);
  return Array.from({ length: width }, (_, unit) => ends.findIndex((end) => unit < end));
}
