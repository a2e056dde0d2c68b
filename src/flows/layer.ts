/**
 * A flow layer: a bijection of samples, and the logarithm of its Jacobian determinant in each direction. One layer is one
 * file that calls `layer`; registry.ts lists them for the generic tests and the command line.
 *
 * Signs: `forward` goes from data to latent and gives log |det ∂y/∂x|; `inverse` goes back and gives log |det ∂x/∂y|, so the
 * two sum to zero at corresponding points. Nothing is remembered between calls.
 */
import type { z } from 'zod';
import {
  sameShape,
  showShape,
  type MapLeaves,
  type NDArray,
  type Shape,
  type Tensor,
} from '../tensor/index.ts';
import type { Key } from '../tensor/random.ts';
import type { LipschitzConstants } from './lipschitzConstants.ts';

/** Parameters while a program is traced. */
export type TensorsOf<P> = MapLeaves<P, NDArray, Tensor>;

/** What a layer is built for. */
export interface Domain {
  /** Of one sample: `[d]`, or `[channels, height, width]` for images. */
  readonly shape: Shape;
  /** Length of the conditioning vector of a sample; 0 for none. */
  readonly context: number;
}

/** What comes beside the samples of a batch. */
export interface Given {
  /** `[batch, context]` */
  readonly context?: Tensor | undefined;
  /** `[batch]`, int32: the class of each sample, for class-conditional bases. */
  readonly label?: Tensor | undefined;
  /** Like the samples: random probes of stochastic traces, with mean 0 and covariance I (±1 has the lowest variance). */
  readonly noise?: Tensor | undefined;
  /** `[batch]`, uniform on [0, 1): where the Russian roulette of a power series stops. */
  readonly roulette?: Tensor | undefined;
  /** Batch norm uses the statistics of the batch instead of its own: in training, and in the validation beside it. */
  readonly training?: boolean | undefined;
  /** Integrals are taken in the few steps of a training: in its loss alone. */
  readonly rough?: boolean | undefined;
}

export interface Forward {
  /** `[batch, ...]` */
  readonly y: Tensor;
  /** `[batch]`, log |det ∂y/∂x| */
  readonly logDet: Tensor;
}

export interface Inverse {
  /** `[batch, ...]` */
  readonly x: Tensor;
  /** `[batch]`, log |det ∂x/∂y| */
  readonly logDet: Tensor;
}

/** How a pass differs from those of densities and samples. */
export type Mode = Pick<Given, 'training' | 'rough'>;
/** A pass of a training step. */
export const STEP: Mode = { training: true, rough: true };
/** A pass of the validation beside the steps. */
export const VALIDATION: Mode = { training: true };

/** When a layer looks at data: before the first training step, and after the last. */
export type Stage = 'start' | 'end';

/** What samples x `[n, ...]` become behind a layer with parameters p. */
export type Pass = (layer: Layer, p: unknown, x: NDArray) => Promise<NDArray>;

export interface LayerDefinition<Options, P> {
  /** Title and citation, for tables. */
  readonly title: string;
  readonly source: string;
  readonly options: z.ZodObject & z.ZodType<Options>;
  /** Samples that `forward` takes: all real vectors (default), or those in (0, 1)ᵈ or (0, ∞)ᵈ. */
  readonly support?: Support;
  /**
   * How the inverse is found: by a formula, by iteration to rounding error, or by integrating back, which returns as exactly
   * as the steps are fine.
   */
  readonly inverseBy?: InverseBy;
  /** Whether JᵀJ = λ² I, so that the layer can embed a latent conformally; default false. */
  readonly conformal?: boolean;
  /** Whether samples of a batch depend on each other while training; default false. */
  readonly mixesSamples?: boolean;
  /** Choices and domains that the generic tests sweep. */
  readonly examples: readonly LayerExample[];
  /** Random float32 parameters. */
  init(key: Key, domain: Domain, options: Options): P;
  /** Shape of y for samples of shape x; default the same. Throws where the layer cannot work. */
  outputShape?(shape: Shape, options: Options): Shape;
  /** Shape of x for a shape of y; default the same. */
  inputShape?(shape: Shape, options: Options): Shape;
  forward(p: TensorsOf<P>, x: Tensor, call: Given & { readonly options: Options }): Forward;
  inverse(p: TensorsOf<P>, y: Tensor, call: Given & { readonly options: Options }): Inverse;
  /** Parameters set from the samples `[n, ...]` that reach the layer. */
  calibrate?(p: P, x: NDArray, stage: Stage, options: Options): P;
  /** Upper bounds of the Lipschitz constants of both directions on the whole space, where they are known. */
  lipschitz?(p: P, options: Options): LipschitzConstants | null;
}

export type Support = 'reals' | 'unit' | 'positive';
export type InverseBy = 'formula' | 'iteration' | 'integration';

export interface LayerExample {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly shape: Shape;
  readonly context?: number;
}

/** A layer with its options fixed and validated. */
export interface Layer<P = unknown> {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly support: Support;
  readonly inverseBy: InverseBy;
  readonly conformal?: boolean;
  readonly mixesSamples?: boolean;
  init(key: Key, domain: Domain): P;
  outputShape(shape: Shape): Shape;
  inputShape(shape: Shape): Shape;
  /** x: `[batch, ...shape]`. */
  forward(p: TensorsOf<P>, x: Tensor, given?: Given): Forward;
  /** y: `[batch, ...outputShape]`. */
  inverse(p: TensorsOf<P>, y: Tensor, given?: Given): Inverse;
  /** Parameters set from the samples `[n, ...]` that reach the layer; one made of layers takes them from part to part by `pass`. */
  calibrate?(p: P, x: NDArray, stage: Stage, pass: Pass): P | Promise<P>;
  /** Upper bounds of the Lipschitz constants of both directions; null where there is none or none is known. */
  lipschitz(p: P): LipschitzConstants | null;
  /** The layers of a composition. */
  readonly parts?: readonly Layer[];
}

export interface LayerFamily<P = unknown> {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly schema: z.ZodObject;
  readonly examples: readonly LayerExample[];
  create(options?: Readonly<Record<string, unknown>>): Layer<P>;
}

/** Defines a family of layers under a name; `create` validates options and closes over them. */
export function layer<Options, P>(name: string, definition: LayerDefinition<Options, P>): LayerFamily<P> {
  return {
    name,
    title: definition.title,
    source: definition.source,
    schema: definition.options,
    examples: definition.examples,
    create(given = {}) {
      const options = parseOptions(name, definition.options, given);
      const outputShape = (shape: Shape): Shape => definition.outputShape?.(shape, options) ?? shape;
      const inputShape = (shape: Shape): Shape => definition.inputShape?.(shape, options) ?? shape;
      return {
        name,
        options: options,
        support: definition.support ?? 'reals',
        inverseBy: definition.inverseBy ?? 'formula',
        conformal: definition.conformal ?? false,
        mixesSamples: definition.mixesSamples ?? false,
        outputShape,
        inputShape,
        init(key, domain) {
          requireDomain(name, domain);
          outputShape(domain.shape);
          return definition.init(key, domain, options);
        },
        forward(p, x, beside = {}) {
          requireSamples(name, x);
          const { y, logDet } = definition.forward(p, x, { ...beside, options });
          requireResult(name, y, [x.shape[0], ...outputShape(x.shape.slice(1))], logDet);
          return { y, logDet };
        },
        inverse(p, y, beside = {}) {
          requireSamples(name, y);
          const { x, logDet } = definition.inverse(p, y, { ...beside, options });
          requireResult(name, x, [y.shape[0], ...inputShape(y.shape.slice(1))], logDet);
          return { x, logDet };
        },
        lipschitz: (p) => definition.lipschitz?.(p, options) ?? null,
        ...(definition.calibrate !== undefined && {
          calibrate: (p: P, x: NDArray, stage: Stage) => definition.calibrate?.(p, x, stage, options) ?? p,
        }),
      };
    },
  };
}

/**
 * Options over their defaults.
 *
 * @throws naming the owner and the option that does not fit.
 */
export function parseOptions<Options>(owner: string, schema: z.ZodType<Options>, given: unknown): Options {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`,
  );
  throw new Error(`${owner}: ${reasons.join('; ')}`);
}

function requireDomain(name: string, { shape, context }: Domain): void {
  if (shape.length === 0 || shape.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new Error(
      `${name}: samples of shape ${showShape(shape)}; expected [d] or [channels, height, width], sizes ≥ 1`,
    );
  }
  if (!Number.isInteger(context) || context < 0) {
    throw new Error(`${name}: a context of ${context} numbers; expected a whole number, 0 for none`);
  }
}

function requireSamples(name: string, x: Tensor): void {
  if (x.rank >= 2) return;
  throw new Error(`${name}: samples are ${showShape(x.shape)}, expected [batch, d] or [batch, c, h, w]`);
}

function requireResult(name: string, y: Tensor, shape: Shape, logDet: Tensor): void {
  if (!sameShape(y.shape, shape)) {
    throw new Error(`${name}: the result is ${showShape(y.shape)}, expected ${showShape(shape)}`);
  }
  if (!sameShape(logDet.shape, [shape[0]])) {
    throw new Error(
      `${name}: logDet is ${showShape(logDet.shape)}, expected [${shape[0]}], one number a sample`,
    );
  }
}
