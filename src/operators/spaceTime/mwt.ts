/**
 * Multiwavelet operator over space and time (Gupta, Xiao & Bogdan 2021, "Multiwavelet-based Operator Learning for
 * Differential Equations", arXiv 2109.13459). The wavelet transform runs along space, the kernels act on space and time:
 *
 *   U_d = A d + B s,   U_s = C d,
 *   A = linear ∘ ReLU ∘ Fourier kernel,   B, C = linear ∘ ReLU ∘ convolution (three points an axis),
 *
 * shared by all levels. In two dimensions the detail has all its three parts LH, HL and HH. (The authors' code keeps LL and
 * HH alone, so that its transform and back is a projection on half of the coefficients.)
 */
import { z } from 'zod';
import { add, moveAxis, relu, sliceAxis, type Tensor } from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { convolution, convolutionFans, linear, xavierNormal } from '../../nn/index.ts';
import { frequencyCounts } from '../fourierModes.ts';
import { operator, type TensorsOf } from '../operator.ts';
import { spectralConvolution } from '../spectral.ts';
import {
  applyNonStandardForm,
  checkPyramidGrid,
  coarsestMap,
  detailParts,
  pyramidGrid,
  pyramidOptions,
  pyramidStack,
  spaceTransform,
  widthOf,
  type PyramidSizes,
} from './pyramid.ts';
import { applyStack, axesOf, initStack, type SpaceAxes } from './stack.ts';

interface LayerOptions extends PyramidSizes {
  readonly channels: number;
}

const published: Record<SpaceAxes, PyramidSizes> = {
  1: { k: 4, modes: [12, 12] },
  2: { k: 3, modes: [4, 4, 4] },
};

const spaceTimeMwt = (space: SpaceAxes) => {
  const name = `mwt-${space + 1}d`;
  return operator(name, {
    title: `Multiwavelet operator, ${space}-D space and time`,
    source: 'Gupta, Xiao & Bogdan 2021, arXiv 2109.13459',
    axes: axesOf(space),
    options: z.strictObject({
      ...pyramidOptions(space, published[space]),
      layers: z.int().positive().default(4),
    }),
    init: (key, options) =>
      initStack(key, pyramidStack(space, options), (layer) => initLayer(layer, space, options)),
    apply: (p, u, options) => {
      const transform = spaceTransform(space, options);
      return applyStack(
        p,
        u,
        { name, space, inputs: options.inputs, paddedGrid: (grid) => pyramidGrid(grid, options) },
        (layer, x) => applyNonStandardForm(nonStandardForm(layer), transform, x),
      );
    },
    checkGrid: (grid, options) => checkPyramidGrid(name, space, grid, options),
  });
};

function initLayer(key: Key, space: SpaceAxes, options: LayerOptions) {
  const { modes } = options;
  const [spectral, mixA, B, C, coarsest] = split(key, 5);
  const width = widthOf(space, options);
  const detail = detailParts(space) * width;
  const fans = convolutionFans([detail, detail, ...modes]);
  return {
    A: {
      spectral: xavierNormal({ fans })(spectral, [...frequencyCounts(modes), detail, 2 * detail]),
      mix: linear.init(mixA, { inputs: detail, outputs: detail }),
    },
    B: initLocalKernel(B, space, { inputs: width, hidden: width, outputs: detail }),
    C: initLocalKernel(C, space, { inputs: detail, hidden: width, outputs: width }),
    coarsest: coarsestMap.init(coarsest, space, options),
  };
}

const nonStandardForm = ({ A, B, C, coarsest }: TensorsOf<ReturnType<typeof initLayer>>) => ({
  update: (s: Tensor, d: Tensor) => ({
    s: localKernel(C, d),
    d: add(linear.apply(A.mix, relu(spectralConvolution(A.spectral, d))), localKernel(B, s)),
  }),
  coarsest: (s: Tensor) => coarsestMap.apply(coarsest, s),
});

interface LocalSizes {
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
}

/** linear ∘ ReLU ∘ convolution with three points an axis. */
function initLocalKernel(key: Key, space: SpaceAxes, { inputs, hidden, outputs }: LocalSizes) {
  const [convolve, mix] = split(key, 2);
  const kernel = axesOf(space).map(() => 3);
  return {
    convolve: convolution.init(convolve, { inputs, outputs: hidden, kernel }),
    mix: linear.init(mix, { inputs: hidden, outputs }),
  };
}

/** [batch, ...grid, inputs] → [batch, ...grid, outputs]. */
function localKernel({ convolve, mix }: TensorsOf<ReturnType<typeof initLocalKernel>>, x: Tensor): Tensor {
  const grid = x.shape.slice(1, -1);
  // Along an axis of one point the outer taps meet only padding.
  const weight = grid.reduce(
    (taps, n, axis) => (n === 1 ? sliceAxis(taps, axis + 2, 1, 2) : taps),
    convolve.weight,
  );
  const channelsFirst = moveAxis(x, x.rank - 1, 1);
  const convolved = convolution.apply({ weight, bias: convolve.bias }, channelsFirst, { padding: 'same' });
  return linear.apply(mix, relu(moveAxis(convolved, 1, x.rank - 1)));
}

export const mwt2d = spaceTimeMwt(1);
export const mwt3d = spaceTimeMwt(2);
