/**
 * One conditional flow over many charts (Sidheekh, Dock, Jain, Balan & Singh 2022, VQ-Flows): the data are covered by overlapping
 * charts around centres v_k, and p(x | k) is a flow of x less the origin of chart k, given v_k.
 *
 * Two densities, which are never mixed:
 * - mixture: Σ_k p_k p(x | k) over all charts. It integrates to 1, and `sample` draws from it.
 * - chart: the sum over the charts that x belongs to. What flow k puts outside U_k (the leak) is lost, so it integrates to
 *   1 − leak and is nowhere above the mixture.
 */
import {
  add,
  concat,
  expandDims,
  broadcastTo,
  logSoftmax,
  logSumExp,
  matmul,
  reshape,
  sizeOf,
  sliceAxis,
  array,
  sub,
  type NDArray,
  type Shape,
  type Tensor,
} from '../../tensor/index.ts';
import { split, uniform, type Key } from '../../tensor/random.ts';
import { normalInitialiser } from '../../nn/index.ts';
import { chosenComponent } from '../bases/gaussian.ts';
import type { Density } from '../density.ts';
import type { Flow, FlowParameters } from '../flow.ts';
import type { InjectiveFlow } from '../injective.ts';
import type { Given, TensorsOf } from '../layer.ts';
import { flattenSamples } from '../samples.ts';
import { encode, initAutoencoder, type AutoencoderParameters, type CodeOptions } from './autoencoder.ts';
import type { Growth } from './findCharts.ts';
import { fitCharts } from './fit.ts';
import { fadingShares, membership, sharpShares, squaredDistances, type Cover } from './voronoi.ts';

/** Charts as found in data. */
export interface Charts<Leaf = NDArray> {
  /** v_k, `[K, e]` */
  readonly centres: Leaf;
  /** The sample that stands for v_k, `[K, d]`: what the decoder makes of it; 0 for all where flows see samples as they are. */
  readonly origins: Leaf;
  /** log p_k, `[K]`; normalised where they are read. */
  readonly logWeights: Leaf;
  /** What gives a sample its code; none where a sample is its own code. */
  readonly autoencoder?: AutoencoderParameters<Leaf>;
}

export interface ChartFlowParameters {
  readonly charts: Charts;
  readonly flow: FlowParameters;
}

type ChartTensors = TensorsOf<ChartFlowParameters>;

export interface ChartFlowOptions {
  /** Of one sample. */
  readonly shape: Shape;
  /** Length of the conditioning vector of the model itself; default 0. */
  readonly context?: number;
  /** K; the first of several where charts grow. */
  readonly charts: number;
  readonly cover: Cover;
  /** Where given, centres are added until the mean squared error of a coordinate is below `tolerance`. */
  readonly growth?: Growth | null;
  /** Whether the flow of a chart sees samples less the chart's origin (default), or as they are. */
  readonly centred?: boolean;
  /** An autoencoder whose codes are covered; default: samples are their own codes. */
  readonly code?: CodeOptions | null;
  /** A flow of samples of that shape given a context of that length. */
  readonly flow: (domain: { readonly shape: Shape; readonly context: number }) => LocalFlow;
}

/** A flow, or a conformal embedding flow: both have the parameters of a flow. */
export type LocalFlow = Flow | InjectiveFlow;

export interface ChartFlow extends Density<ChartFlowParameters> {
  readonly charts: number;
  readonly cover: Cover;
  readonly growth: Growth | null;
  readonly code: CodeOptions | null;
  readonly centred: boolean;
  /** Of x less its chart's origin, given v_k and the context. */
  readonly flow: LocalFlow;
  /** Whether each of x `[batch, ...shape]` is in each chart: bool `[batch, K]`. */
  membership(charts: Charts<Tensor>, x: Tensor): Tensor;
  /** p̃_x(k), the probability with which x is given to chart k in training: `[batch, K]`. */
  shares(charts: Charts<Tensor>, x: Tensor): Tensor;
  /** log p_k p(x | k): `[batch, K]`. */
  jointLogProb(p: ChartTensors, x: Tensor, given?: Given): Tensor;
  /** As `sample`, with the chart of each sample, one of K as 0/1 `[n, K]`. */
  sampleWithChart(
    p: ChartTensors,
    rows: Tensor,
    given?: Given,
  ): { readonly x: Tensor; readonly chart: Tensor };
  /** Latents in every chart: `[batch, K, ...latentShape]`. */
  latents(p: ChartTensors, x: Tensor, given?: Given): Tensor;
}

export function chartFlow(options: ChartFlowOptions): ChartFlow {
  const { shape, context = 0, charts, cover, growth = null, code = null, centred = true } = options;
  const codeLength = code?.length ?? sizeOf(shape);
  const flow = options.flow({ shape, context: context + codeLength });
  requireCover(charts, cover);

  const inAllCharts = (p: ChartTensors, x: Tensor, given: Given = {}): { local: Tensor; given: Given } => {
    const { centres, origins } = p.charts;
    const [batch, K] = [x.shape[0], centres.shape[0]];
    const each = (v: Tensor): Tensor => {
      const row = v.shape.slice(1);
      return reshape(broadcastTo(expandDims(v, 1), [batch, K, ...row]), [batch * K, ...row]);
    };
    const offsets = sub(expandDims(flattenSamples(x), 1), origins);
    const own = reshape(broadcastTo(centres, [batch, K, codeLength]), [batch * K, codeLength]);
    const { context: outer, label, ...rest } = given;
    return {
      local: reshape(offsets, [batch * K, ...shape]),
      given: {
        ...rest,
        ...(label && { label: each(label) }),
        context: outer ? concat([own, each(outer)], 1) : own,
      },
    };
  };

  const distancesOf = (own: Charts<Tensor>, x: Tensor): Tensor =>
    squaredDistances(encode(own.autoencoder, flattenSamples(x)), own.centres);
  const membershipOf = (own: Charts<Tensor>, x: Tensor): Tensor => membership(distancesOf(own, x), cover);

  const jointLogProb: ChartFlow['jointLogProb'] = (p, x, given) => {
    const all = inAllCharts(p, x, given);
    const conditional = flow.logProb(p.flow, all.local, all.given);
    return add(reshape(conditional, [x.shape[0], -1]), logSoftmax(p.charts.logWeights));
  };

  const sampleWithChart: ChartFlow['sampleWithChart'] = (p, rows, given = {}) => {
    const { centres, origins, logWeights } = p.charts;
    const chart = chosenComponent(logWeights, sliceAxis(rows, 1, 0, 1));
    const own = matmul(chart, centres);
    const local = flow.sample(p.flow, sliceAxis(rows, 1, 1, rows.shape[1]), {
      ...given,
      context: given.context ? concat([own, given.context], 1) : own,
    });
    return { x: add(local, reshape(matmul(chart, origins), local.shape)), chart };
  };

  const model: ChartFlow = {
    shape,
    context,
    measure: flow.measure,
    charts,
    cover,
    growth,
    code,
    centred,
    flow,
    init(key) {
      const [chartKey, flowKey] = split(key, 2);
      return {
        charts: randomCharts(chartKey, { charts, code, size: sizeOf(shape) }),
        flow: flow.init(flowKey),
      };
    },
    membership: membershipOf,
    shares: (own, x) =>
      cover.edges === 'fading'
        ? fadingShares(distancesOf(own, x), cover)
        : sharpShares(membershipOf(own, x), own.logWeights),
    jointLogProb,
    logProb: (p, x, given) => logSumExp(jointLogProb(p, x, given), 1),
    draw(key, n) {
      const [choice, rest] = split(key, 2);
      return beside(uniform(choice, n), flow.draw(rest, n));
    },
    sampleWithChart,
    sample: (p, rows, given) => sampleWithChart(p, rows, given).x,
    latents(p, x, given) {
      const all = inAllCharts(p, x, given);
      const { y } = flow.forward(p.flow, all.local, all.given);
      return reshape(y, [x.shape[0], -1, ...flow.latentShape]);
    },
    fit: (fitOptions) => fitCharts(model, fitOptions),
  };
  return model;
}

/** Charts around random centres, before any data. */
function randomCharts(
  key: Key,
  {
    charts,
    code,
    size,
  }: { readonly charts: number; readonly code: CodeOptions | null; readonly size: number },
): Charts {
  const [centreKey, networkKey] = split(key, 2);
  const normalCentres = (length: number): NDArray => normalInitialiser(0, 1)(centreKey, [charts, length]);
  const logWeights = array(new Float32Array(charts).fill(-Math.log(charts)), [charts]);
  if (!code) {
    const centres = normalCentres(size);
    return { centres, origins: centres, logWeights };
  }
  return {
    centres: normalCentres(code.length),
    origins: array(new Float32Array(charts * size), [charts, size]),
    logWeights,
    autoencoder: initAutoencoder(networkKey, size, code),
  };
}

/** Rows of a and of b `[n, m]` side by side. */
function beside(a: Float64Array, { data, shape: [n, m] }: NDArray): NDArray {
  const rows = new Float64Array(n * (m + 1));
  for (let i = 0; i < n; i++) {
    rows[i * (m + 1)] = a[i];
    rows.set(data.subarray(i * m, (i + 1) * m), i * (m + 1) + 1);
  }
  return array(rows, [n, m + 1]);
}

function requireCover(charts: number, { nearest, epsilon }: Cover): void {
  if (!Number.isInteger(charts) || charts < 1) {
    throw new Error(`chart flow: ${charts} charts; expected a whole number from 1`);
  }
  if (!Number.isInteger(nearest) || nearest < 1 || nearest > charts) {
    throw new Error(
      `chart flow: nearest is ${nearest}; expected a whole number from 1 to the ${charts} charts`,
    );
  }
  if (!(epsilon >= 0)) throw new Error(`chart flow: epsilon is ${epsilon}; expected a number ≥ 0`);
}
