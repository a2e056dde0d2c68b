/** Flows over charts from models of one flow: `vq-` before the name. */
import { z } from 'zod';
import { parseOptions } from '../layer.ts';
import { conformalEmbedding } from '../conformalEmbedding.ts';
import { getModel, type Model } from '../models.ts';
import { chartFlow, type ChartFlow, type LocalFlow } from './chartFlow.ts';
import { edgeNames } from './voronoi.ts';

const chartOptions = z.object({
  /** K. */
  charts: z.int().positive().default(16),
  /** m: charts that every sample belongs to at least. */
  nearest: z.int().positive().default(1),
  /** ε: how much farther than the m-th nearest a further centre may be. */
  epsilon: z.number().min(0).default(1),
  /** Whether what a chart is given of the data fades out towards its edge or, as published, ends there at once. */
  edges: z.enum(edgeNames).default('fading'),
  /** Mean squared error of a coordinate, above which centres are added. */
  tolerance: z.number().positive().optional(),
  /** Where centres are added: at most so many. */
  mostCharts: z.int().positive().default(256),
  /** Whether a flow sees samples less the origin of their chart. */
  centred: z.boolean().default(true),
  /** Numbers of a code of a trained encoder; without it samples are their own codes. */
  code: z.int().positive().optional(),
  /** Widths of the encoder. */
  encoderHidden: z.array(z.int().positive()).default([128]),
  /** Passes over the samples between two looks at the centres. */
  encoderEpochs: z.int().positive().default(10),
});

/** The options of charts, and everything else for the model of one flow. */
const splitOptions = (name: string, given: Readonly<Record<string, unknown>>) => {
  const own = Object.keys(chartOptions.shape);
  const pick = (of: (key: string) => boolean): Record<string, unknown> =>
    Object.fromEntries(Object.entries(given).filter(([key]) => of(key)));
  return {
    charts: parseOptions(
      name,
      chartOptions,
      pick((key) => own.includes(key)),
    ),
    flow: pick((key) => !own.includes(key)),
  };
};

/** The model of charts whose conditional flow is `base`. */
export function vqFlow(base: Model<LocalFlow>, name: string, title: string): Model<ChartFlow> {
  return {
    name,
    title,
    source: `Sidheekh, Dock, Jain, Balan & Singh 2022 (VQ-Flows); ${base.source}`,
    schema: base.schema.extend(chartOptions.shape),
    create({ shape, context, base: latent }, options = {}) {
      const { charts, flow } = splitOptions(name, options);
      return chartFlow({
        shape,
        ...(context !== undefined && { context }),
        charts: charts.charts,
        cover: { nearest: charts.nearest, epsilon: charts.epsilon, edges: charts.edges },
        growth:
          charts.tolerance === undefined ? null : { tolerance: charts.tolerance, most: charts.mostCharts },
        code:
          charts.code === undefined
            ? null
            : { length: charts.code, hidden: charts.encoderHidden, epochs: charts.encoderEpochs },
        centred: charts.centred,
        flow: (domain) => base.create({ ...domain, ...(latent && { base: latent }) }, flow),
      });
    },
  };
}

export const chartModels: readonly Model<ChartFlow>[] = [
  vqFlow(getModel('real-nvp'), 'vq-realnvp', 'VQ-Real NVP'),
  vqFlow(getModel('maf'), 'vq-maf', 'VQ-MAF'),
  vqFlow(conformalEmbedding, 'vq-cef', 'VQ-CEF'),
];
