/** Sizes and options of convolutions: what the three ops of convolution.ts and the pooling windows share. */
import { showShape, sizeOf, type Shape } from '../shape.ts';

/** Everything about a convolution but batch and channels; lists have one entry for each spatial axis. */
export type Geometry = {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly output: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Zeros before the first value of each axis; those behind the last follow from the sizes. */
  readonly low: readonly number[];
  readonly groups: number;
};

/** How many input positions one output value spans. */
export const extent = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** Zeros that the last output value of an axis needs behind the input (negative: inputs that nothing reads). */
export const highPadding = (
  { input, kernel, output, strides, dilations, low }: Geometry,
  axis: number,
): number =>
  (output[axis] - 1) * strides[axis] + extent(kernel[axis], dilations[axis]) - input[axis] - low[axis];

/**
 * For the spatial axes from `first` on, flattened: which input each output reads through each tap of the kernel,
 * row-major [outputs, taps]. Padding reads the index one past the last input, where a zero is put.
 */
export function tapIndices(geometry: Geometry, first: number): Int32Array {
  const { input, kernel, output, strides, dilations, low } = geometry;
  const nothing = sizeOf(input.slice(first));
  let reads: number[][] = [[0]];
  for (let axis = first; axis < input.length; axis++) {
    const widened: number[][] = [];
    for (const row of reads) {
      for (let p = 0; p < output[axis]; p++) {
        widened.push(
          row.flatMap((outer) =>
            Array.from({ length: kernel[axis] }, (_, k) => {
              const at = p * strides[axis] + k * dilations[axis] - low[axis];
              return outer < 0 || at < 0 || at >= input[axis] ? -1 : outer * input[axis] + at;
            }),
          ),
        );
      }
    }
    reads = widened;
  }
  return Int32Array.from(reads.flat(), (at) => (at < 0 ? nothing : at));
}

export interface Operands {
  readonly x: Shape;
  readonly w: Shape;
  readonly g: Shape;
}

/** The shapes of x, w and g of the trilinear form for a batch and numbers of channels. */
export const operandShapes = (
  { input, kernel, output, groups }: Geometry,
  batch: number,
  inChannels: number,
  outChannels: number,
): Operands => ({
  x: [batch, inChannels, ...input],
  w: [outChannels, inChannels / groups, ...kernel],
  g: [batch, outChannels, ...output],
});

/** Calls `visit` with the flat indices into x, w and g of every product of the trilinear form. */
export function forEachTerm(
  geometry: Geometry,
  { g: [batch, outChannels], w: [, perGroupIn] }: Operands,
  visit: (x: number, w: number, g: number) => void,
): void {
  const [inputs, taps, outputs] = [geometry.input, geometry.kernel, geometry.output].map(sizeOf);
  const reads = tapIndices(geometry, 0);
  const perGroupOut = outChannels / geometry.groups;
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outChannels; o++) {
      const firstChannel = n * perGroupIn * geometry.groups + Math.floor(o / perGroupOut) * perGroupIn;
      for (let c = 0; c < perGroupIn; c++) {
        const [atX, atW, atG] = [
          (firstChannel + c) * inputs,
          (o * perGroupIn + c) * taps,
          (n * outChannels + o) * outputs,
        ];
        for (let p = 0; p < outputs; p++) {
          for (let k = 0; k < taps; k++) {
            const at = reads[p * taps + k];
            if (at < inputs) visit(atX + at, atW + k, atG + p);
          }
        }
      }
    }
  }
}

/** The same convolution with a first spatial axis of size 1. */
export const withUnitAxis = (geometry: Geometry): Geometry => ({
  input: [1, ...geometry.input],
  kernel: [1, ...geometry.kernel],
  output: [1, ...geometry.output],
  strides: [1, ...geometry.strides],
  dilations: [1, ...geometry.dilations],
  low: [0, ...geometry.low],
  groups: geometry.groups,
});

/** The geometry on its axes of more than one point alone, at least one; others, where one tap meets one point, move nothing. */
export function withoutUnitAxes(geometry: Geometry): Geometry {
  const { input, kernel, output, strides, dilations, low, groups } = geometry;
  const moves = input.map((n, axis) => n > 1 || kernel[axis] > 1 || output[axis] > 1);
  const kept = moves.some(Boolean) ? moves : moves.map((_, axis) => axis === 0);
  const pick = (sizes: readonly number[]): number[] => sizes.filter((_, axis) => kept[axis]);
  return {
    input: pick(input),
    kernel: pick(kernel),
    output: pick(output),
    strides: pick(strides),
    dilations: pick(dilations),
    low: pick(low),
    groups,
  };
}

/** Zeros around the input: none, as many as make the output ⌈n/stride⌉, or [before, behind] for each axis. */
export type Padding = 'valid' | 'same' | readonly (readonly [number, number])[];

export interface ConvolutionOptions {
  /** One number for all spatial axes, or one each; 1 by default. */
  readonly strides?: number | readonly number[];
  /** 'valid' by default. */
  readonly padding?: Padding;
  readonly dilations?: number | readonly number[];
  /** Channels are cut into this many groups that do not see each other; in = groups makes it depthwise. */
  readonly groups?: number;
}

export interface TransposedConvolutionOptions extends ConvolutionOptions {
  /** Extra size of the output behind the last value, below the stride: it picks one of the inputs that `conv` shrinks alike. */
  readonly outputPadding?: number | readonly number[];
}

/** One whole number ≥ least for each axis. */
export function perAxis(
  given: number | readonly number[] | undefined,
  axes: number,
  least: number,
  fallback: number,
  what: string,
): readonly number[] {
  const list = typeof given === 'object' ? given : new Array<number>(axes).fill(given ?? fallback);
  if (list.length !== axes || list.some((n) => !Number.isInteger(n) || n < least)) {
    throw new Error(
      `${what}: got ${showShape(list)}, expected ${axes} whole number${axes === 1 ? '' : 's'} ≥ ${least}, one for each spatial axis`,
    );
  }
  return list;
}

/** Zeros [before, behind] each axis for windows of the given extents over an input of the given sizes. */
export function resolvePadding(
  padding: Padding,
  input: readonly number[],
  extents: readonly number[],
  strides: readonly number[],
  name: string,
): readonly (readonly [number, number])[] {
  if (padding === 'valid') return input.map(() => [0, 0]);
  if (padding === 'same') {
    return input.map((n, axis) => {
      const total = Math.max(0, (Math.ceil(n / strides[axis]) - 1) * strides[axis] + extents[axis] - n);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  if (padding.length !== input.length)
    throw new Error(
      `${name}: padding has ${padding.length} pairs, expected ${input.length}, one for each spatial axis`,
    );
  perAxis(padding.flat(), 2 * input.length, 0, 0, `${name}: padding`);
  return padding;
}

interface Common {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly extents: readonly number[];
  readonly groups: number;
}

function common(x: Shape, w: Shape, options: ConvolutionOptions, name: string): Common {
  const axes = x.length - 2;
  if (axes < 1 || w.length !== x.length) {
    throw new Error(
      `${name}: x is ${showShape(x)} and the weights ${showShape(w)}; expected [batch, channels, …spatial] and weights of the same rank`,
    );
  }
  const { groups = 1 } = options;
  if (!Number.isInteger(groups) || groups < 1 || x[1] % groups !== 0 || w[0] % groups !== 0) {
    throw new Error(
      `${name}: groups ${groups} with x ${showShape(x)} and weights ${showShape(w)}; it must divide axis 1 of x and axis 0 of the weights`,
    );
  }
  const kernel = w.slice(2);
  const dilations = perAxis(options.dilations, axes, 1, 1, `${name}: dilations`);
  return {
    kernel,
    strides: perAxis(options.strides, axes, 1, 1, `${name}: strides`),
    dilations,
    extents: kernel.map((k, axis) => extent(k, dilations[axis])),
    groups,
  };
}

/** Geometry of conv(x, w, options) for the shapes of x and w. */
export function convolutionGeometry(x: Shape, w: Shape, options: ConvolutionOptions): Geometry {
  const { kernel, strides, dilations, extents, groups } = common(x, w, options, 'conv');
  if (w[1] * groups !== x[1]) {
    throw new Error(
      `conv: x ${showShape(x)} has ${x[1]} channels, the weights ${showShape(w)} take ${w[1]} in each of ${groups} group${groups === 1 ? '' : 's'}`,
    );
  }
  const input = x.slice(2);
  const padding = resolvePadding(options.padding ?? 'valid', input, extents, strides, 'conv');
  const output = input.map((n, axis) => windowCount(n, padding[axis], extents[axis], strides[axis], 'conv'));
  return { input, kernel, output, strides, dilations, low: padding.map(([low]) => low), groups };
}

/** How many windows of `extent` at steps of `stride` fit into n values and their padding. */
export function windowCount(
  n: number,
  [low, high]: readonly [number, number],
  extentOf: number,
  stride: number,
  name: string,
): number {
  const count = Math.floor((n + low + high - extentOf) / stride) + 1;
  if (count < 1)
    throw new Error(
      `${name}: a window over ${extentOf} values does not fit into ${n} with padding ${low} and ${high}; pad more or use a smaller kernel`,
    );
  return count;
}

/** Geometry of the convolution whose input gradient is convTranspose(x, w, options). */
export function transposedGeometry(x: Shape, w: Shape, options: TransposedConvolutionOptions): Geometry {
  const { kernel, strides, dilations, extents, groups } = common(x, w, options, 'convTranspose');
  if (w[0] !== x[1]) {
    throw new Error(
      `convTranspose: x ${showShape(x)} has ${x[1]} channels, the weights ${showShape(w)} take ${w[0]} ([in, out/groups, …kernel])`,
    );
  }
  const output = x.slice(2);
  const extra = perAxis(options.outputPadding, output.length, 0, 0, 'convTranspose: outputPadding');
  extra.forEach((n, axis) => {
    if (n >= strides[axis])
      throw new Error(
        `convTranspose: outputPadding ${n} on spatial axis ${axis}, expected less than the stride ${strides[axis]}`,
      );
  });
  const { padding = 'valid' } = options;
  const same = output.map((n, axis) => n * strides[axis]);
  const pairs = resolvePadding(padding, same, extents, strides, 'convTranspose');
  const input =
    padding === 'same'
      ? same
      : output.map((n, axis) => {
          const [low, high] = pairs[axis];
          const size = (n - 1) * strides[axis] + extents[axis] - low - high + extra[axis];
          if (size < 1)
            throw new Error(
              `convTranspose: padding ${low} and ${high} leaves nothing of spatial axis ${axis} (size ${size})`,
            );
          return size;
        });
  return { input, kernel, output, strides, dilations, low: pairs.map(([low]) => low), groups };
}
