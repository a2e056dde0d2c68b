/**
 * The covariance of noise at each site of one large output, an image: the components × components blocks on the diagonal of
 * J Σ Jᵀ, to first order. Four ways to the same numbers:
 *
 * - `rows`: one reverse product for each component of each site; exact.
 * - `probing`: v ∘ (J Σ Jᵀ v) for random signs v on the output, a reverse and a forward product (Hutchinson 1990; Bekas,
 *   Kokiopoulou & Saad 2007). The relative error of a variance from S probes is √(ρ/S), ρ = Σ_{j≠i} Σ_ij² / Σ_ii²: where noise is
 *   little correlated between sites, few probes are enough.
 * - `sketching`: (J L z)² for standard normal z on the input, one forward product; relative error √(2/S) whatever the correlation.
 * - `comb`: probing with signs on one colour of sites at a time, so that only sites of one colour disturb each other (Tang & Saad 2012).
 */
import { sizeOf, type NDArray, type Shape } from '../tensor/index.ts';
import { foldIn, key, normal, uniform, type Key } from '../tensor/random.ts';
import { breather } from '../nn/programs.ts';
import { BlockMoments } from './blockMoments.ts';
import { PerturbedPrograms, type Perturbed } from './perturbed.ts';
import type { SeededChoice } from './precision.ts';

export interface Colouring {
  /** Colour 0 … count − 1 of each site. */
  readonly colours: Int32Array;
  readonly count: number;
}

export type LocalMethod = 'rows' | 'probing' | 'sketching' | 'comb';

export interface LocalCovarianceOptions extends SeededChoice {
  readonly method: LocalMethod;
  /** `rows`: the sites to compute; others are NaN. Default all. */
  readonly sites?: Int32Array | undefined;
  /** `comb`: which sites are probed together. */
  readonly colouring?: Colouring | undefined;
  /**
   * Random vectors, or for `comb` rounds through all colours (default 1). Without it `probing` and `sketching` take as many as
   * `targetError` needs, by the scatter of the first `pilot`.
   */
  readonly probes?: number | undefined;
  /** Relative standard error of the deviation along the first direction, as a root mean square over `interest`; default 0.02. */
  readonly targetError?: number | undefined;
  /** Default 16. */
  readonly pilot?: number | undefined;
  /** Most probes that `targetError` may take; default 1024. */
  readonly maximumProbes?: number | undefined;
  /** Sites whose error counts for `targetError`, 0 elsewhere; default all. */
  readonly interest?: ArrayLike<number> | undefined;
  /**
   * Unit vectors in the space of components, [components, ...sites] each, along which deviations are wanted; default the axes.
   * Given the value of the function at the point.
   */
  readonly directions?: ((value: NDArray) => readonly NDArray[]) | undefined;
  /** Products in one pass; default as many as keep an array of inputs or outputs below about a million numbers, at most 16. */
  readonly productsAtOnce?: number | undefined;
}

/** A standard deviation at each site, [...sites], and its standard error; null where it is exact or unknown. */
export interface DeviationMap {
  readonly deviation: NDArray;
  readonly standardError: NDArray | null;
}

export interface LocalCovariance {
  /** f(x), [components, ...sites]. */
  readonly value: NDArray;
  /** Covariance of the components at each site, [components, components, ...sites], float64. */
  readonly blocks: NDArray;
  /** Along each of the directions. */
  readonly along: readonly DeviationMap[];
  /** Random vectors (rounds of a comb; rows for `rows`), and products with J or Jᵀ in all. */
  readonly probes: number;
  readonly products: number;
  /** Root mean square over `interest` of the relative standard error along the first direction; null where it is exact or unknown. */
  readonly relativeError: number | null;
}

/**
 * Covariance of components at every site, by one of the methods above.
 *
 * @throws when options do not fit: a site out of range, fewer than two probes, `comb` without a colouring.
 */
export async function localCovariance<A>(
  map: Perturbed<A>,
  options: LocalCovarianceOptions,
): Promise<LocalCovariance> {
  const programs = new PerturbedPrograms(map, options);
  try {
    const value = await programs.value();
    const [components, ...sites] = value.shape;
    const directions = (options.directions ?? (() => axes(components, sites)))(value);
    const blocks = new BlockMoments(components, sizeOf(sites), directions);
    const largest = Math.max(sizeOf(map.noise), sizeOf(value.shape));
    const { probes, products } = await methods[options.method]({
      programs,
      options,
      components,
      siteShape: sites,
      sites: sizeOf(sites),
      noise: map.noise,
      blocks,
      atOnce: options.productsAtOnce ?? Math.min(16, Math.max(1, Math.floor(2 ** 20 / largest))),
    });
    const scaled = (data: Float64Array, power: number, shape: Shape): NDArray => ({
      data: data.map((x) => x * map.scale ** power),
      shape,
      dtype: 'float64',
    });
    const along = blocks.along().map(({ deviation, standardError }) => ({
      deviation: scaled(deviation, 1, sites),
      standardError: standardError && scaled(standardError, 1, sites),
    }));
    return {
      value,
      blocks: scaled(blocks.matrix(), 2, [components, components, ...sites]),
      along,
      probes,
      products,
      relativeError: blocks.relativeError(options.interest),
    };
  } finally {
    await programs.dispose();
  }
}

interface Setting {
  readonly programs: Pick<PerturbedPrograms<unknown>, 'push' | 'pull' | 'covariance'>;
  readonly options: LocalCovarianceOptions;
  readonly components: number;
  readonly siteShape: Shape;
  readonly sites: number;
  readonly noise: Shape;
  readonly blocks: BlockMoments;
  /** Vectors in one pass. */
  readonly atOnce: number;
}

interface Counts {
  readonly probes: number;
  readonly products: number;
}

const methods: Readonly<Record<LocalMethod, (setting: Setting) => Promise<Counts>>> = {
  rows: exactRows,
  comb: combRounds,
  probing: (setting) =>
    randomProbes(setting, 2, async (draw, atOnce) => {
      const shape = [setting.components, ...setting.siteShape];
      const vectors = batch(atOnce, shape, (i) => signs(draw(i), sizeOf(shape)));
      return { left: vectors, right: await setting.programs.covariance(vectors) };
    }),
  sketching: (setting) =>
    randomProbes(setting, 1, async (draw, atOnce) => {
      const vectors = batch(atOnce, setting.noise, (i) => normal(draw(i), sizeOf(setting.noise)));
      const pushed = await setting.programs.push(vectors);
      return { left: pushed, right: pushed };
    }),
};

/** Random vectors `left` and their images `right` of as many probes as are asked for, or as the error after a pilot says. */
async function randomProbes(
  { options, blocks, components, sites, atOnce }: Setting,
  productsEach: number,
  pass: (draw: (i: number) => Key, atOnce: number) => Promise<{ left: NDArray; right: NDArray }>,
): Promise<Counts> {
  const { pilot = 16, maximumProbes = 1024, targetError = 0.02, seed = 0, signal, onProgress } = options;
  const first = options.probes ?? pilot;
  if (!(Number.isInteger(first) && first >= 2))
    throw new Error(`localCovariance: ${first} probes, expected a whole number ≥ 2`);
  const pause = breather();
  const size = components * sites;
  let wanted = first;
  let decided = options.probes !== undefined;
  for (let from = 0; from < wanted;) {
    const { left, right } = await pass((i) => foldIn(key(seed), from + i), atOnce);
    for (let i = 0; i < atOnce && from < wanted; i++, from++)
      blocks.addProducts(left.data.subarray(i * size), right.data.subarray(i * size));
    if (from >= wanted && !decided) {
      const error = blocks.relativeError(options.interest) ?? 0;
      wanted = Math.min(maximumProbes, Math.max(wanted, Math.ceil(wanted * (error / targetError) ** 2)));
      decided = true;
    }
    onProgress?.(from, wanted);
    await pause();
    signal?.throwIfAborted();
  }
  return { probes: wanted, products: productsEach * wanted };
}

async function exactRows(setting: Setting): Promise<Counts> {
  const { programs, options, blocks, components, sites, noise, siteShape } = setting;
  const wanted = options.sites ?? Int32Array.from({ length: sites }, (_, i) => i);
  const outside = wanted.find((site) => site < 0 || site >= sites);
  if (outside !== undefined)
    throw new Error(`localCovariance: site ${outside} of ${sites}, expected 0 … ${sites - 1}`);
  const entries = new Float64Array(blocks.pairs.length * sites).fill(NaN);
  const [size, inputs] = [components * sites, sizeOf(noise)];
  // The rows of all components of a site come in one pass.
  const atOnce = Math.max(1, Math.floor(setting.atOnce / components));
  const pause = breather();
  for (let from = 0; from < wanted.length; from += atOnce) {
    const count = Math.min(atOnce, wanted.length - from);
    const vectors = batch(atOnce * components, [components, ...siteShape], (i) => {
      const place = from + Math.floor(i / components);
      const unit = new Float64Array(size);
      if (place < wanted.length) unit[(i % components) * sites + wanted[place]] = 1;
      return unit;
    });
    const { data } = await programs.pull(vectors);
    const row = (i: number, a: number): NDArray['data'] =>
      data.subarray((i * components + a) * inputs, (i * components + a + 1) * inputs);
    for (let i = 0; i < count; i++)
      blocks.pairs.forEach(([a, b], e) => {
        entries[e * sites + wanted[from + i]] = dot(row(i, a), row(i, b));
      });
    options.onProgress?.(from + count, wanted.length);
    await pause();
    options.signal?.throwIfAborted();
  }
  blocks.add(entries);
  return { probes: wanted.length * components, products: wanted.length * components };
}

async function combRounds(setting: Setting): Promise<Counts> {
  const { programs, options, blocks, components, sites, siteShape, atOnce } = setting;
  const { colouring, probes: rounds = 1, seed = 0 } = options;
  if (colouring?.colours.length !== sites) {
    throw new Error(
      `localCovariance: a colouring of ${colouring?.colours.length ?? 0} sites, expected one of ${sites} for the method 'comb'`,
    );
  }
  const { colours, count } = colouring;
  const each = count * components;
  const pause = breather();
  for (let round = 0; round < rounds; round++) {
    const entries = new Float64Array(blocks.pairs.length * sites);
    for (let from = 0; from < each; from += atOnce) {
      const vectors = batch(atOnce, [components, ...siteShape], (i) => {
        const probe = from + i;
        const [colour, a] = [Math.floor(probe / components), probe % components];
        const v = new Float64Array(components * sites);
        if (probe >= each) return v;
        const random = signs(foldIn(key(seed), round * each + probe), sites);
        for (let site = 0; site < sites; site++)
          if (colours[site] === colour) v[a * sites + site] = random[site];
        return v;
      });
      const { data } = await programs.covariance(vectors);
      for (let i = 0; i < Math.min(atOnce, each - from); i++) {
        const [colour, a] = [Math.floor((from + i) / components), (from + i) % components];
        const at = (component: number, site: number): number => (i * components + component) * sites + site;
        blocks.pairs.forEach(([p, q], e) => {
          if (p !== a && q !== a) return;
          // Off the diagonal of a block both components see the entry: their mean.
          const [other, share] = p === q ? [a, 1] : [p === a ? q : p, 0.5];
          for (let site = 0; site < sites; site++)
            if (colours[site] === colour)
              entries[e * sites + site] += share * vectors.data[at(a, site)] * data[at(other, site)];
        });
      }
      options.onProgress?.(round * each + Math.min(from + atOnce, each), rounds * each);
      await pause();
      options.signal?.throwIfAborted();
    }
    blocks.add(entries);
  }
  return { probes: rounds * each, products: 2 * rounds * each };
}

/** Unit vectors of the components, the same at every site. */
const axes = (components: number, sites: Shape): NDArray[] =>
  Array.from({ length: components }, (_, a) => ({
    data: new Float64Array(components * sizeOf(sites)).fill(1, a * sizeOf(sites), (a + 1) * sizeOf(sites)),
    shape: [components, ...sites],
    dtype: 'float64',
  }));

const signs = (from: Key, n: number): Float64Array => uniform(from, n).map((u) => (u < 0.5 ? -1 : 1));

function batch(count: number, shape: Shape, vector: (i: number) => Float64Array): NDArray {
  const size = sizeOf(shape);
  const data = new Float64Array(count * size);
  for (let i = 0; i < count; i++) data.set(vector(i), i * size);
  return { data, shape: [count, ...shape], dtype: 'float64' };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
}
