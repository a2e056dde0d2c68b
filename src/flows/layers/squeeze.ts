/**
 * Layers of multiscale flows over images (Dinh et al. 2017, section 3.6): squeeze trades pixels for channels; split lets some entries go
 * to the base while the rest pass through further layers.
 */
import { z } from 'zod';
import {
  add,
  allocate,
  concat,
  reshape,
  showShape,
  sizeOf,
  sliceAxis,
  transpose,
  zeros,
  type NDArray,
  type Shape,
  type Tensor,
} from '../../tensor/index.ts';
import { split as splitKey } from '../../tensor/random.ts';
import { looksAtData, sequence } from '../compose.ts';
import { layer, type Layer, type Pass, type Stage } from '../layer.ts';
import { flattenSamples } from '../samples.ts';

const still = (x: Tensor): Tensor => zeros([x.shape[0]], x.dtype);

function requireImage(shape: Shape, divisor: number): readonly [number, number, number] {
  const [channels, height, width] = shape;
  if (shape.length === 3 && height % divisor === 0 && width % divisor === 0) return [channels, height, width];
  throw new Error(
    `squeeze: samples are ${showShape(shape)}; expected [channels, height, width] with sides divisible by ${divisor}`,
  );
}

/** Blocks of 2 × 2 pixels become 4 channels: `[c, h, w]` → `[4c, h/2, w/2]`. */
export const squeeze = layer('squeeze', {
  title: 'Squeeze',
  source: 'Dinh, Sohl-Dickstein & Bengio 2017, section 3.6',
  options: z.strictObject({}),
  examples: [{ shape: [1, 4, 2] }, { shape: [3, 2, 4] }],
  init: () => ({}),
  outputShape(shape) {
    const [c, h, w] = requireImage(shape, 2);
    return [4 * c, h / 2, w / 2];
  },
  inputShape: ([c, h, w]) => [c / 4, 2 * h, 2 * w],
  forward(_, x) {
    const [batch, c, h, w] = x.shape;
    const blocks = reshape(x, [batch, c, h / 2, 2, w / 2, 2]);
    return {
      y: reshape(transpose(blocks, [0, 1, 3, 5, 2, 4]), [batch, 4 * c, h / 2, w / 2]),
      logDet: still(x),
    };
  },
  inverse(_, y) {
    const [batch, c, h, w] = y.shape;
    const blocks = reshape(y, [batch, c / 4, 2, 2, h, w]);
    return {
      x: reshape(transpose(blocks, [0, 1, 4, 2, 5, 3]), [batch, c / 4, 2 * h, 2 * w]),
      logDet: still(y),
    };
  },
  lipschitz: () => ({ forward: 1, inverse: 1 }),
});

/** The first half of the channels of `[n, c, h, w]`. */
function firstHalf({ data, shape: [n, c, ...pixels], dtype }: NDArray): NDArray {
  const row = (c / 2) * sizeOf(pixels);
  const half = allocate(dtype, n * row);
  for (let i = 0; i < n; i++) half.set(data.subarray(2 * i * row, (2 * i + 1) * row), i * row);
  return { data: half, shape: [n, c / 2, ...pixels], dtype };
}

/**
 * A flow of several scales as one layer: the first stage sees the whole image, each further one half of the channels that the stage before
 * has left; the other half goes to the base as it is. z is one vector `[entries]`: what was let go first, then later, then what
 * the last stage makes.
 *
 * @throws if a stage leaves an odd number of channels to halve.
 */
export function multiscale(shape: Shape, stages: readonly (readonly Layer[])[]): Layer<readonly unknown[]> {
  const chains = stages.map(sequence);
  /** Shapes that the stages see and make. */
  const seen: Shape[] = [shape];
  const made = chains.map((chain, i) => {
    const out = chain.outputShape(seen[i]);
    if (i < chains.length - 1) {
      if (out[0] % 2 !== 0) {
        throw new Error(`multiscale: stage ${i} leaves ${out[0]} channels; expected an even number to halve`);
      }
      seen.push([out[0] / 2, ...out.slice(1)]);
    }
    return out;
  });
  const halves = (y: Tensor): readonly [Tensor, Tensor] => {
    const c = y.shape[1];
    return [sliceAxis(y, 1, 0, c / 2), sliceAxis(y, 1, c / 2, c)];
  };
  const last = chains.length - 1;
  return {
    name: 'multiscale',
    options: {},
    support: chains[0].support,
    inverseBy: sequence(stages.flat()).inverseBy,
    parts: chains,
    ...(chains.some(looksAtData) && {
      async calibrate(p: readonly unknown[], x: NDArray, stage: Stage, pass: Pass) {
        const own = [...p];
        const deepest = chains.findLastIndex(looksAtData);
        let here = x;
        for (const [i, chain] of chains.slice(0, deepest + 1).entries()) {
          if (chain.calibrate)
            own[i] = await chain.calibrate(own[i] as readonly unknown[], here, stage, pass);
          if (i < deepest) here = firstHalf(await pass(chain, own[i], here));
        }
        return own;
      },
    }),
    outputShape: (given) => [sizeOf(given)],
    inputShape: () => shape,
    lipschitz: () => null,
    init(key, { context }) {
      const keys = splitKey(key, chains.length);
      return chains.map((chain, i) => chain.init(keys[i], { shape: seen[i], context }));
    },
    forward(p, x, given) {
      const gone: Tensor[] = [];
      let here = x;
      let logDet = still(x);
      chains.forEach((chain, i) => {
        const step = chain.forward(p[i] as never, here, given);
        logDet = add(logDet, step.logDet);
        const [on, off] = i < last ? halves(step.y) : [step.y, step.y];
        gone.push(flattenSamples(off));
        here = on;
      });
      return { y: concat(gone, 1), logDet };
    },
    inverse(p, z, given) {
      const sizes = made.map((out, i) => sizeOf(out) / (i < last ? 2 : 1));
      const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
      let here: Tensor | null = null;
      let logDet = still(z);
      for (let i = last; i >= 0; i--) {
        const part = sliceAxis(z, 1, starts[i], starts[i] + sizes[i]);
        const [c, ...pixels] = made[i];
        const shaped = reshape(part, [z.shape[0], i < last ? c / 2 : c, ...pixels]);
        const step = chains[i].inverse(p[i] as never, here ? concat([here, shaped], 1) : shaped, given);
        logDet = add(logDet, step.logDet);
        here = step.x;
      }
      return { x: here as Tensor, logDet };
    },
  };
}
