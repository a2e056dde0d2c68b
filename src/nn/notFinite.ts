/** What a training says when a number stops being finite: where, and why as far as it can be found. */
import type { Batch } from './batches.ts';

/** Samples on which a loss, gradient or metric is not finite, with the parameters that it was computed with. */
export interface NotFinite<P> {
  readonly parameters: P;
  readonly batch: Batch;
  readonly split: TrainedSplit;
  /** What a message calls the i-th sample of the batch. */
  readonly nameOf: (i: number) => string;
}

export type TrainedSplit = 'training' | 'validation';

/** Where the samples of the splits come from: for each the row of the source that its i-th sample is. */
export type SourceRows = Readonly<Partial<Record<TrainedSplit, Int32Array>>>;

/** Names samples by their positions in the split, in the order of the batch, and by their row of the source where it is known. */
export const sampleNames =
  (split: TrainedSplit, samples: Int32Array, rows: SourceRows = {}): NotFinite<never>['nameOf'] =>
  (i) => {
    const row = rows[split]?.[samples[i]];
    return `sample ${samples[i]} of the ${split} split${row === undefined ? '' : `, row ${row} of the data`}`;
  };

/** A sentence for the error, or null where nothing is found. */
export type Explain<P> = (found: NotFinite<P>) => Promise<string | null>;

const because = (reason: string | null | undefined): string => (reason ? `: ${reason}` : '');

/** @throws always. */
export function refuseStep(
  { loss, gradient }: { readonly loss: number; readonly gradient: number },
  at: { readonly epoch: number; readonly step: number; readonly learningRate: number },
  reason: string | null | undefined,
): never {
  const what = Number.isFinite(loss) ? `norm of the gradient is ${gradient}` : `loss is ${loss}`;
  throw new Error(
    `train: the ${what} in epoch ${at.epoch}, step ${at.step} (learning rate ${at.learningRate})${because(reason)}; lower the learning rate or clip the gradient (clipNorm, --clip-norm)${reason ? '' : ', or compile the loss with checkNumerics to find the op'}`,
  );
}

/** @throws always. */
export function refuseMetric(value: number, epoch: number, reason: string | null | undefined): never {
  throw new Error(
    `train: the validation metric is ${value} after epoch ${epoch}${because(reason)}; lower the learning rate or clip the gradient (clipNorm, --clip-norm), and check the validation split for targets that are zero everywhere`,
  );
}
