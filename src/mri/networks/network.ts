/** Trainable reconstructions by name, with their sizes as validated options: what the command line lists and runs remember. */
import { z } from 'zod';
import type { Complex, Tensor } from '../../tensor/index.ts';
import type { Key } from '../../tensor/random.ts';
import { reconstructionUNet } from './reconstructionUNet.ts';
import type { UndersampledData } from './undersampled.ts';
import type { UNetParameters } from './uNet.ts';
import { varNet, varNetSizes, type VarNetApplyOptions, type VarNetParameters } from './varNet.ts';

/** A reconstruction with parameters, its sizes fixed. */
export interface ReconstructionNetwork {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** A tree of float32 arrays. */
  init(key: Key): unknown;
  /** Magnitude image [batch, h, w]; `parameters` is the tree of `init`, traced. */
  apply(parameters: unknown, data: UndersampledData, options?: NetworkDerivative): Tensor;
  /** Complex image [batch, h, w], where the network estimates sensitivities. */
  applyComplex?(parameters: unknown, data: UndersampledData, options?: NetworkDerivative): Complex;
}

/** Changes derivatives, and no value. */
export type NetworkDerivative = Pick<VarNetApplyOptions, 'frozenSensitivities'>;

interface NetworkDefinition<Schema extends z.ZodObject, P> {
  readonly title: string;
  readonly source: string;
  readonly options: Schema;
  init(key: Key, options: z.infer<Schema>): unknown;
  apply(parameters: P, data: UndersampledData, options?: NetworkDerivative): Tensor;
  applyComplex?(parameters: P, data: UndersampledData, options?: NetworkDerivative): Complex;
}

const network =
  <Schema extends z.ZodObject, P>(name: string, definition: NetworkDefinition<Schema, P>) =>
  (given: Readonly<Record<string, unknown>>): ReconstructionNetwork => {
    const parsed = z.strictObject(definition.options.shape).safeParse(given);
    if (!parsed.success) {
      const [{ path, message }] = parsed.error.issues;
      throw new Error(`${name}: ${path.join('.') || 'options'}: ${message}`);
    }
    const options = parsed.data as z.infer<Schema>;
    return {
      name,
      title: definition.title,
      source: definition.source,
      options,
      init: (key) => definition.init(key, options),
      apply: (parameters, data, derivative) => definition.apply(parameters as P, data, derivative),
      ...(definition.applyComplex && {
        applyComplex: (parameters: unknown, data: UndersampledData, derivative?: NetworkDerivative) =>
          definition.applyComplex!(parameters as P, data, derivative),
      }),
    };
  };

const size = z.int().min(1);
const published = varNetSizes.default;

const families = {
  varnet: network('varnet', {
    title: 'End-to-end variational network',
    source: 'Sriram et al. 2020, arXiv 2004.06688',
    options: z.object({
      cascades: size.default(published.cascades),
      channels: size.default(published.channels),
      pools: size.default(published.pools),
      sensitivityChannels: size.default(published.sensitivityChannels),
      sensitivityPools: size.default(published.sensitivityPools),
    }),
    init: (key, options) => varNet.init(key, options),
    apply: (parameters: VarNetParameters<Tensor>, data, derivative) =>
      varNet.apply(parameters, data, derivative),
    applyComplex: (parameters: VarNetParameters<Tensor>, data, derivative) =>
      varNet.applyComplex(parameters, data, derivative),
  }),
  unet: network('unet', {
    title: 'U-Net on the zero-filled image',
    source: 'Zbontar et al. 2018, arXiv 1811.08839',
    options: z.object({ channels: size.default(32), pools: size.default(4) }),
    init: (key, options) => reconstructionUNet.init(key, options),
    apply: (parameters: UNetParameters<Tensor>, data) => reconstructionUNet.apply(parameters, data),
  }),
};

export type NetworkName = keyof typeof families;
export const networkNames = Object.keys(families) as [NetworkName, ...NetworkName[]];

/** The network of that name. @throws if an option is unknown or out of range. */
export const getNetwork = (
  name: NetworkName,
  options: Readonly<Record<string, unknown>> = {},
): ReconstructionNetwork => families[name](options);
