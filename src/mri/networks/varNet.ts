/**
 * End-to-end variational network (Sriram, Zbontar, Murrell, Defazio, Zitnick, Yakubova, Knoll & Johnson 2020, arXiv 2004.06688):
 * gradient steps on k-space in turn with U-Nets on the coil-combined image. The sensitivities come from a network of their own,
 * which is part of the same function: derivatives go through it.
 */
import {
  complex,
  expandDims,
  ifft2c,
  neg,
  squeeze,
  stopGradient,
  type Complex,
  type NDArray,
  type Tensor,
} from '../../tensor/index.ts';
import { split, type Key } from '../../tensor/random.ts';
import { onesInitialiser, type Initialiser } from '../../nn/index.ts';
import { rootSumOfSquares } from '../combine.ts';
import { coilImages, combineCoils, lessSampledPart } from '../forwardModel.ts';
import { normUNet } from './normUNet.ts';
import { sensitivityNetwork } from './sensitivityNetwork.ts';
import type { UNetParameters } from './uNet.ts';
import { maskedData, type UndersampledData } from './undersampled.ts';

export type VarNetParameters<Leaf = NDArray> = {
  readonly sensitivities: UNetParameters<Leaf>;
  readonly cascades: readonly {
    /** η [1], the weight of data consistency. */
    readonly step: Leaf;
    readonly regulariser: UNetParameters<Leaf>;
  }[];
};

export interface VarNetOptions {
  readonly cascades: number;
  readonly channels: number;
  readonly pools: number;
  readonly sensitivityChannels: number;
  readonly sensitivityPools: number;
  /** Of all weights but η, which begins at 1; default uniform on ±1/√fan-in, as PyTorch's. */
  readonly weights?: Initialiser;
}

/** `default`: as published, 29,936,966 parameters. `demo`: fastMRI's example. `small`: for images of 48 to 96 pixels. */
export const varNetSizes = {
  default: { cascades: 12, channels: 18, pools: 4, sensitivityChannels: 8, sensitivityPools: 4 },
  demo: { cascades: 8, channels: 18, pools: 4, sensitivityChannels: 8, sensitivityPools: 4 },
  medium: { cascades: 4, channels: 8, pools: 3, sensitivityChannels: 4, sensitivityPools: 3 },
  small: { cascades: 3, channels: 8, pools: 2, sensitivityChannels: 4, sensitivityPools: 2 },
} as const satisfies Record<string, VarNetOptions>;

export interface VarNetApplyOptions {
  /** Columns at the centre that the sensitivities are estimated from; default: as many as the mask shows. */
  readonly acsLines?: number;
  /** Sensitivities [c, h, w] or [batch, c, h, w] in place of estimated ones. */
  readonly sensitivities?: Complex;
  /** Take the sensitivities for constants in every derivative. Default false: they vary with k-space. */
  readonly frozenSensitivities?: boolean;
}

export const varNet = {
  init(key: Key, options: VarNetOptions): VarNetParameters {
    const { cascades, channels, pools, sensitivityChannels, sensitivityPools, ...initialiser } = options;
    if (!Number.isInteger(cascades) || cascades < 1)
      throw new Error(`varNet: ${cascades} cascades, expected a whole number ≥ 1`);
    const [sensitivityKey, cascadeKey] = split(key, 2);
    return {
      sensitivities: sensitivityNetwork.init(sensitivityKey, {
        channels: sensitivityChannels,
        pools: sensitivityPools,
        ...initialiser,
      }),
      cascades: split(cascadeKey, cascades).map((k) => ({
        step: onesInitialiser(k, [1]),
        regulariser: normUNet.init(k, { channels, pools, ...initialiser }),
      })),
    };
  },

  /**
   * Magnitude image [batch, h, w]: the root of sum of squares of the coil images of the reconstructed k-space.
   *
   * @throws if the shapes of k-space and mask do not agree.
   */
  apply: (
    parameters: VarNetParameters<Tensor>,
    data: UndersampledData,
    options: VarNetApplyOptions = {},
  ): Tensor => rootSumOfSquares(reconstruct(parameters, data, options).images),

  /**
   * Complex image [batch, h, w]: the same coil images combined with the network's own sensitivities, Σ_c S_c* x_c. Its magnitude is
   * at most that of `apply`. Throws as that does.
   */
  applyComplex(
    parameters: VarNetParameters<Tensor>,
    data: UndersampledData,
    options: VarNetApplyOptions = {},
  ): Complex {
    const { images, sensitivities } = reconstruct(parameters, data, options);
    return combineCoils(images, sensitivities);
  },

  /** The sensitivities [batch, c, h, w] that the network estimates. */
  sensitivities(
    parameters: VarNetParameters<Tensor>,
    data: UndersampledData,
    { acsLines }: Pick<VarNetApplyOptions, 'acsLines'> = {},
  ): Complex {
    const { measured, mask } = maskedData(data);
    return sensitivityNetwork.apply(parameters.sensitivities, ifft2c(measured), { mask, acsLines });
  },
};

/**
 * Coil images after k_{t+1} = k_t − η_t M (k_t − k_0) − F(S · U_t(Σ_c S_c* F⁻¹ k_t)), k_0 what was measured (equation 8 of the paper).
 * Iterated is d_t = F⁻¹(k_t − k_0), so d_{t+1} = d_t − η_t F⁻¹M F d_t − S · U_t(Σ_c S_c* (x_0 + d_t)) with the zero-filled images x_0
 * and d_0 = 0: no cascade leaves the image domain, and the first has no data to be consistent with.
 */
function reconstruct(
  parameters: VarNetParameters<Tensor>,
  data: UndersampledData,
  { acsLines, sensitivities: given, frozenSensitivities = false }: VarNetApplyOptions,
): { readonly images: Complex; readonly sensitivities: Complex } {
  const { measured, mask } = maskedData(data);
  const zeroFilled = ifft2c(measured);
  const estimated =
    given ?? sensitivityNetwork.apply(parameters.sensitivities, zeroFilled, { mask, acsLines });
  const sensitivities = frozenSensitivities ? complex.mapParts(estimated, stopGradient) : estimated;
  const start = combineCoils(zeroFilled, sensitivities);
  const [first, ...later] = parameters.cascades;
  const artefacts = (regulariser: UNetParameters<Tensor>, image: Complex): Complex =>
    coilImages(
      withChannel((z) => normUNet.apply(regulariser, z), image),
      sensitivities,
    );
  const change = later.reduce(
    (d, { step, regulariser }) =>
      complex.sub(
        lessSampledPart(d, mask, step),
        artefacts(regulariser, complex.add(start, combineCoils(d, sensitivities))),
      ),
    complex.mapParts(artefacts(first.regulariser, start), neg),
  );
  return { images: complex.add(zeroFilled, change), sensitivities };
}

/** f of images [batch, h, w] as images [batch, 1, h, w]. */
const withChannel = (f: (images: Complex) => Complex, image: Complex): Complex =>
  complex.mapParts(f(complex.mapParts(image, (part) => expandDims(part, 1))), (part) => squeeze(part, 1));
