/** Samples of models of points in space beside true points, where jobs have left both. */
import type { Overview } from '../conditions.ts';
import { figure, type Panel } from '../figure.ts';
import { listWords, slug } from '../format.ts';
import { html, type Content } from '../html.ts';
import type { DecodedArray, ReportInput, ReportJob } from '../input.ts';
import { boxOf, countOutside, scatter3d, type Box } from '../scatter3d.ts';

interface WithPoints {
  job: ReportJob;
  points: DecodedArray;
  truth: DecodedArray;
}

/** Points shown of each cloud: enough for a shape, few enough for a page of sixty pictures. */
const SHOWN = 400;

const isCloud = (array: DecodedArray | undefined): array is DecodedArray =>
  array?.shape.length === 2 && array.shape[1] === 3;

function withPoints(job: ReportJob): WithPoints[] {
  const { points, truePoints: truth } = job.arrays ?? {};
  return isCloud(points) && isCloud(truth) ? [{ job, points, truth }] : [];
}

/** Whether the report has pictures of points. */
export const hasPoints = ({ jobs }: ReportInput): boolean => jobs.some((job) => withPoints(job).length > 0);

const shown = ({ data }: DecodedArray): number[] => Array.from(data).slice(0, 3 * SHOWN);

function panelOf({ job, points }: WithPoints, truth: readonly number[], box: Box, view: Overview): Panel {
  const { model } = job.config;
  const samples = shown(points);
  const outside = countOutside(samples, box);
  const count = samples.length / 3;
  return {
    title: model,
    svg: scatter3d({
      title: model,
      description: `${count} samples of ${model} in space over ${truth.length / 3} true points${outside ? `; ${outside} samples are too far away to be shown` : ''}.`,
      clouds: [
        { name: 'true points', points: truth, color: 'pale' },
        {
          name: outside ? `samples (${outside} outside)` : 'samples',
          points: samples,
          color: view.color(model),
        },
      ],
      box,
    }),
  };
}

export function points(_input: ReportInput, view: Overview): Content {
  const figures = view.conditions.list.flatMap((condition) => {
    const all = view.jobsAt(condition).flatMap(withPoints);
    // One job a model: the first seed.
    const chosen = view.trained.flatMap((model) =>
      all.filter(({ job }) => job.config.model === model).slice(0, 1),
    );
    if (!chosen.length) return [];
    const where = view.conditions.label(condition);
    const truth = shown(chosen[0].truth);
    const box = boxOf(truth);
    const seeds = [...new Set(chosen.map(({ job }) => job.config.seed))];
    const rowsOf = (name: string, values: readonly number[]): (string | number)[][] =>
      Array.from({ length: values.length / 3 }, (_, i) => [
        name,
        ...values.slice(3 * i, 3 * i + 3).map((v) => Number(v.toPrecision(6))),
      ]);
    const data = {
      columns: ['points', 'x', 'y', 'z'],
      rows: [
        ...rowsOf('true', truth),
        ...chosen.flatMap(({ job, points: own }) => rowsOf(job.config.model, shown(own))),
      ],
    };
    const caption = html`<b>${where}.</b> Samples of each model over true points, ${view.repetition}
      ${listWords(seeds.map(String))}; one scale for all axes. Drag a picture, or give it the focus and press
      the arrow keys, to turn all pictures of this figure; Home brings the first view back.`;
    const panels = chosen.map((one) => panelOf(one, truth, box, view));
    return [figure({ id: `figure-points-${slug(where)}`, caption, panels, data })];
  });
  return figures.length ? figures : null;
}
