/** Centres of charts from data: k-means of the codes, revival of centres that stand idle, growth until the codes tell enough. */
import { array, castArray, indicator, sizeOf, type NDArray } from '../../tensor/index.ts';
import { foldIn, key as seedKey, split } from '../../tensor/random.ts';
import { mapRows, type RunOptions } from '../run.ts';
import { flattenSamples } from '../samples.ts';
import {
  decode,
  encode,
  initAutoencoder,
  trainQuantiser,
  type AutoencoderParameters,
} from './autoencoder.ts';
import type { ChartFlow, Charts } from './chartFlow.ts';
import { kMeans, nearestCentres, type Clusters } from './kMeans.ts';

/** When there are charts enough. */
export interface Growth {
  /** Mean squared error of a coordinate of x reconstructed from its centre. */
  readonly tolerance: number;
  /** Charts at most. */
  readonly most: number;
}

export interface FindOptions extends RunOptions {
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** A centre with a smaller share of the codes than this begins anew. */
const IDLE = 1e-3;
/** How often centres may begin anew before more are added. */
const REVIVALS = 3;

/** Charts of samples x `[n, ...shape]`: centres, origins and weights. */
export async function findCharts(model: ChartFlow, x: NDArray, options: FindOptions): Promise<Charts> {
  const found = model.code
    ? await quantisedCentres(model, x, options)
    : { centres: kMeansCentres(model, x, options) };
  const centres = castArray(found.centres, 'float32');
  const autoencoder = 'autoencoder' in found ? { autoencoder: found.autoencoder } : {};
  const { origins } = await mapRows(
    (p: { autoencoder?: AutoencoderParameters<never> }, { codes }) => ({
      origins: decode(p.autoencoder, codes),
    }),
    autoencoder as never,
    { codes: centres },
    options,
  );
  // Codes need no origins to be compared; a sample that is not centred has none.
  if (!model.centred) origins.data.fill(0);
  const charts: Charts = { centres, origins, logWeights: uniformWeights(centres.shape[0]), ...autoencoder };
  return { ...charts, logWeights: await logWeightsOf(model, charts, x, options) };
}

const uniformWeights = (k: number): NDArray => array(new Float32Array(k).fill(-Math.log(k)), [k]);

/**
 * log p_k over the samples: of P(x ∈ U_k) / Σ_j P(x ∈ U_j) for charts with sharp edges, as published; of E p̃_x(k), the mass that is
 * given to the chart, for fading ones.
 */
async function logWeightsOf(
  model: ChartFlow,
  charts: Charts,
  x: NDArray,
  options: FindOptions,
): Promise<NDArray> {
  const { share } = await mapRows(
    (p, { x: rows }) => ({
      share:
        model.cover.edges === 'fading'
          ? model.shares(p as never, rows)
          : indicator(model.membership(p as never, rows)),
    }),
    charts,
    { x },
    options,
  );
  const [n, k] = share.shape;
  const counts = new Float64Array(k);
  for (let i = 0; i < n * k; i++) counts[i % k] += share.data[i];
  const total = counts.reduce((a, b) => a + b);
  return array(
    Float32Array.from(counts, (c) => Math.log(Math.max(c, 1e-6) / total)),
    [k],
  );
}

const flatten = ({ data, shape, dtype }: NDArray): NDArray => ({
  data,
  shape: [shape[0], sizeOf(shape.slice(1))],
  dtype,
});

/** K centres of the samples themselves, more where the model asks for a tolerance. */
function kMeansCentres({ charts, growth }: ChartFlow, x: NDArray, { seed }: FindOptions): NDArray {
  const samples = flatten(x);
  for (let k = charts; ; k = nextCount(k, growth?.most ?? k)) {
    const { centres, distances } = kMeans(foldIn(seedKey(seed), k), samples, k);
    if (!growth || k >= growth.most) return centres;
    const error = distances.reduce((a, b) => a + b, 0) / samples.data.length;
    if (error <= growth.tolerance) return centres;
  }
}

/** Half as many again; how the number of centres grew is not published. */
const nextCount = (k: number, most: number): number => Math.min(most, k + Math.ceil(k / 2));

/**
 * Autoencoder and centres trained in turns: after each, centres that stand idle begin anew at the codes worst told; when none
 * stands idle and the error is still above the tolerance, ⌈K/2⌉ more begin there.
 */
async function quantisedCentres(
  { charts, growth, code }: ChartFlow,
  x: NDArray,
  { seed, signal, ...run }: FindOptions,
): Promise<{ readonly autoencoder: AutoencoderParameters; readonly centres: NDArray }> {
  if (!code) throw new Error('chart flow: no options of a code');
  const [networkKey, centreKey] = split(seedKey(seed), 2);
  let autoencoder = initAutoencoder(networkKey, sizeOf(x.shape.slice(1)), code);
  let { centres } = kMeans(centreKey, await codesOf(autoencoder, x, run), charts);
  for (let round = 0, revivals = 0; ; round++) {
    ({ autoencoder, centres } = await trainQuantiser(
      { autoencoder, centres: castArray(centres, 'float32') },
      x,
      { epochs: code.epochs, seed: seed + round, threads: run.threads, signal },
    ));
    const codes = await codesOf(autoencoder, x, run);
    const nearest = nearestCentres(codes, centres);
    const idle = idleCentres(nearest.assignment, centres.shape[0]);
    if (idle.length > 0 && revivals < REVIVALS) {
      revivals++;
      centres = replaceCentres(centres, idle, codes, nearest);
      continue;
    }
    const most = growth?.most ?? centres.shape[0];
    const k = centres.shape[0];
    if (!growth || k >= most) break;
    if ((await reconstructionError({ autoencoder, centres }, x, nearest, run)) <= growth.tolerance) break;
    const more = nextCount(k, most) - k;
    revivals = 0;
    centres = replaceCentres(extended(centres, more), range(k, k + more), codes, nearest);
  }
  return { autoencoder, centres };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const codesOf = async (p: AutoencoderParameters, x: NDArray, run: RunOptions): Promise<NDArray> =>
  (await mapRows((q, { x: rows }) => ({ codes: encode(q as never, flattenSamples(rows)) }), p, { x }, run))
    .codes;

/** Mean squared error of a coordinate of x when each is told by its centre alone. */
async function reconstructionError(
  { autoencoder, centres }: { readonly autoencoder: AutoencoderParameters; readonly centres: NDArray },
  x: NDArray,
  { assignment }: Omit<Clusters, 'centres'>,
  run: RunOptions,
): Promise<number> {
  const { origins } = await mapRows(
    (q, { codes }) => ({ origins: decode(q as never, codes) }),
    autoencoder,
    { codes: centres },
    run,
  );
  const d = x.data.length / x.shape[0];
  let total = 0;
  for (let i = 0; i < x.data.length; i++) {
    total += (x.data[i] - origins.data[assignment[Math.floor(i / d)] * d + (i % d)]) ** 2;
  }
  return total / x.data.length;
}

/** Centres that fewer than one in a thousand codes are nearest to. */
export function idleCentres(assignment: Int32Array, k: number): number[] {
  const counts = new Int32Array(k);
  for (const c of assignment) counts[c]++;
  return range(0, k).filter((c) => counts[c] < IDLE * assignment.length);
}

const extended = ({ data, shape: [k, e], dtype }: NDArray, more: number): NDArray => {
  const all = new Float32Array((k + more) * e);
  all.set(data);
  return { data: all, shape: [k + more, e], dtype };
};

/** The centres with those named moved to the codes that are farthest from their own centre. */
function replaceCentres(
  centres: NDArray,
  which: readonly number[],
  codes: NDArray,
  { distances }: Omit<Clusters, 'centres'>,
): NDArray {
  const e = centres.shape[1];
  const moved = centres.data.slice();
  const order = Array.from(distances.keys()).sort((a, b) => distances[b] - distances[a]);
  which.forEach((c, i) => {
    const from = order[i % order.length];
    moved.set(codes.data.subarray(from * e, (from + 1) * e), c * e);
  });
  return { ...centres, data: moved };
}
