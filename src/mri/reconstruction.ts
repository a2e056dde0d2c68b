/**
 * A reconstruction: from the k-space of one slice, its mask and the sensitivities of its coils to an image, traced. One method
 * is one call of `reconstruction`; reconstructions.ts lists them for the command line and the noise maps.
 */
import type { z } from 'zod';
import { showShape, type Complex, type ComplexArray, type Tensor } from '../tensor/index.ts';
import type { SamplingMask } from './masks.ts';

/** One slice as it was measured, on arrays. */
export interface Acquisition {
  /** [c, h, w], 0 where nothing was sampled. */
  readonly kspace: ComplexArray;
  /** [1, w] or [h, w]. */
  readonly mask: SamplingMask;
  /** [c, h, w] with Σ|S|² = 1, or 0 where there is no signal; null for methods that need none. */
  readonly sensitivities: ComplexArray | null;
}

/** The same, traced; k-space may have batch axes in front. */
export interface ReconstructionInput {
  /** [.., c, h, w]. */
  readonly kspace: Complex;
  /** [1, w] or [h, w]. */
  readonly mask: Tensor;
  /** [c, h, w]; may be left out where `needsSensitivities` is false. */
  readonly sensitivities?: Complex | undefined;
}

/** k-space [.., c, h, w] → image [.., h, w]. */
export type Reconstruct = (input: ReconstructionInput) => Complex;

/** What is known of a method once its options are chosen. */
export interface ReconstructionTraits {
  /** `magnitude`: real and not negative, the imaginary part is zero. */
  readonly output: 'complex' | 'magnitude';
  readonly needsSensitivities: boolean;
  /** Whether the image is linear in k-space while the sensitivities stay (for an iteration: once it has converged). */
  readonly linear: boolean;
}

export interface ReconstructionDefinition<Schema extends z.ZodObject> {
  /** Title and citation, for reports. */
  readonly title: string;
  readonly source: string;
  readonly options: Schema;
  readonly traits: (options: z.infer<Schema>) => ReconstructionTraits;
  /**
   * What has to be known before tracing: reads it from the acquisition (spacing of the columns, interpolation kernels) and gives
   * the traced function, whose constants it becomes.
   *
   * @throws if the method cannot be applied to this acquisition.
   */
  readonly prepare: (acquisition: Acquisition, options: z.infer<Schema>) => Reconstruct;
}

/** A method with its options fixed and validated. */
export interface Reconstruction extends ReconstructionTraits {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly options: Readonly<Record<string, unknown>>;
  /**
   * The traced function for acquisitions like this one: of its sizes and its mask.
   *
   * @throws one sentence if the method cannot be applied to it, or shapes do not agree.
   */
  prepare(acquisition: Acquisition): Reconstruct;
}

export interface ReconstructionFamily {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly schema: z.ZodObject;
  /** @throws if an option is unknown or out of range. */
  create(options?: Readonly<Record<string, unknown>>): Reconstruction;
}

/** Defines a method under a name; `create` validates options and closes over them. */
export function reconstruction<Schema extends z.ZodObject>(
  name: string,
  { title, source, options: schema, traits, prepare }: ReconstructionDefinition<Schema>,
): ReconstructionFamily {
  return {
    name,
    title,
    source,
    schema,
    create(given = {}) {
      const parsed = schema.strict().safeParse(given);
      if (!parsed.success) {
        const [{ path, message }] = parsed.error.issues;
        throw new Error(`${name}: ${path.join('.') || 'options'}: ${message}`);
      }
      const options = parsed.data as z.infer<Schema>;
      const known = traits(options);
      return {
        name,
        title,
        source,
        options,
        ...known,
        prepare(acquisition) {
          checkShapes(name, acquisition, known);
          return prepare(acquisition, options);
        },
      };
    },
  };
}

/** The sensitivities of an input to a method that needs them. @throws if there are none. */
export function sensitivitiesOf(name: string, { sensitivities }: ReconstructionInput): Complex {
  if (!sensitivities) throw new Error(`${name}: no sensitivities were given, expected [coils, h, w]`);
  return sensitivities;
}

function checkShapes(
  name: string,
  { kspace, mask, sensitivities }: Acquisition,
  { needsSensitivities }: ReconstructionTraits,
): void {
  const { shape } = kspace.re;
  const [coils, h, w] = shape;
  if (shape.length !== 3)
    throw new Error(`${name}: k-space is ${showShape(shape)}, expected one slice [coils, h, w]`);
  const [rows, columns, ...more] = mask.shape;
  if (more.length || columns !== w || (rows !== 1 && rows !== h))
    throw new Error(
      `${name}: the mask is ${showShape(mask.shape)}, expected [1, ${w}] for columns or [${h}, ${w}] for points`,
    );
  if (mask.data.every((value) => value === 0))
    throw new Error(`${name}: the mask samples nothing, expected at least one point`);
  if (!needsSensitivities) return;
  if (!sensitivities)
    throw new Error(`${name}: needs coil sensitivities [${coils}, ${h}, ${w}], and none were given`);
  if (sensitivities.re.shape.join() !== shape.join())
    throw new Error(
      `${name}: the sensitivities are ${showShape(sensitivities.re.shape)}, expected those of k-space, ${showShape(shape)}`,
    );
}
