/**
 * Couplings: some entries of a sample pass through, the others are changed by maps whose parameters depend on those that
 * passed (and on the context):
 *
 *   y_B = x_B,  y_A = h(x_A; g(x_B));  log|det| = Σ_{i ∈ A} log |∂h_i/∂x_i|;  x_A = h⁻¹(y_A; g(y_B)).
 */
import { z } from 'zod';
import { reshape, zeros, type NDArray, type Tensor } from '../../tensor/index.ts';
import {
  conditioner,
  networkOptions,
  type ConditionerParameters,
  type NetworkOptions,
} from '../conditioner.ts';
import { layer, type Given, type LayerFamily, type TensorsOf } from '../layer.ts';
import { additiveConstants, spectralNorm } from '../lipschitzConstants.ts';
import { couplingMask, maskNames, mergeMask, pick, type MaskName } from '../masks.ts';
import { flattenSamples, sumSample } from '../samples.ts';
import { additive } from '../transformers/additive.ts';
import { affine } from '../transformers/affine.ts';
import { rationalQuadratic } from '../transformers/rationalQuadratic.ts';
import type { Transformer } from '../transformers/transformer.ts';

interface CouplingOptions extends NetworkOptions {
  readonly mask: MaskName;
  readonly flip: boolean;
}

const couplingOptions = {
  mask: z.enum(maskNames).default('half'),
  /** Exchanges the entries that pass and those that change. */
  flip: z.boolean().default(false),
  ...networkOptions,
};

/** A family of couplings from what they do to an entry. */
function coupling<O>(
  name: string,
  title: string,
  source: string,
  transformer: Transformer<O>,
): LayerFamily<ConditionerParameters> {
  type Options = CouplingOptions & O;
  const options: z.ZodObject = z.strictObject({ ...couplingOptions, ...transformer.options });

  const run = (
    direction: 'forward' | 'inverse',
    p: TensorsOf<ConditionerParameters>,
    x: Tensor,
    { options: choice, context }: Given & { readonly options: Options },
  ): { value: Tensor; logDet: Tensor } => {
    const shape = x.shape.slice(1);
    const mask = couplingMask(choice.mask, shape, choice.flip);
    const flat = flattenSamples(x);
    const raw = conditioner.apply(p, flat, {
      shape,
      mask,
      outputs: transformer.numbers(choice),
      context,
      activation: choice.activation,
    });
    const { value, logDerivative } = transformer[direction](pick(flat, mask.changed), raw, choice);
    return {
      value: reshape(mergeMask(mask, pick(flat, mask.kept), value), x.shape),
      logDet: logDerivative ? sumSample(logDerivative) : zeros([x.shape[0]], x.dtype),
    };
  };

  return layer<Options, ConditionerParameters>(name, {
    title,
    source,
    options: options as z.ZodObject & z.ZodType<Options>,
    examples: [
      { shape: [2], options: { hidden: [8] } },
      { shape: [3], options: { hidden: [8], flip: true }, context: 2 },
      { shape: [5], options: { hidden: [8, 8], mask: 'alternate', activation: 'tanh' } },
      { shape: [1], options: { hidden: [8], flip: true }, context: 2 },
      { shape: [2, 2, 2], options: { hidden: [4], mask: 'checkerboard', activation: 'silu' } },
      { shape: [3, 2, 1], options: { hidden: [4], mask: 'channel', flip: true }, context: 1 },
    ],
    init: (key, domain, choice) =>
      conditioner.init(
        key,
        domain,
        couplingMask(choice.mask, domain.shape, choice.flip),
        transformer.numbers(choice),
        choice,
      ),
    forward(p, x, call) {
      const { value, logDet } = run('forward', p, x, call);
      return { y: value, logDet };
    },
    inverse(p, y, call) {
      const { value, logDet } = run('inverse', p, y, call);
      return { x: value, logDet };
    },
    // Where only a shift depends on what passes; a scale multiplies an entry without bound.
    lipschitz: (p, choice) =>
      transformer === (additive as Transformer<unknown>) && 'dense' in p
        ? additiveConstants(networkConstant(p.dense, choice.activation))
        : null,
  });
}

/** Largest slopes of the activations, rounded up. */
const activationSlopes = { relu: 1, tanh: 1, silu: 1.0999, gelu: 1.129 } as const;

/** Lip of a dense network: the product of the spectral norms of its matrices and of the slopes between them. */
const networkConstant = (
  dense: readonly { readonly weight: NDArray }[],
  activation: NetworkOptions['activation'],
): number =>
  dense.reduce((total, { weight }) => total * spectralNorm(weight), 1) *
  activationSlopes[activation] ** (dense.length - 1);

export const additiveCoupling = coupling(
  'additive-coupling',
  'Additive coupling',
  'Dinh, Krueger & Bengio 2015 (NICE)',
  additive,
);

export const affineCoupling = coupling(
  'affine-coupling',
  'Affine coupling',
  'Dinh, Sohl-Dickstein & Bengio 2017 (Real NVP)',
  affine,
);

export const splineCoupling = coupling(
  'spline-coupling',
  'Rational-quadratic spline coupling',
  'Durkan, Bekasov, Murray & Papamakarios 2019 (Neural spline flows)',
  rationalQuadratic,
);
