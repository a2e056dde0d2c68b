/** Whether one flow with a base of one piece can fit samples, from their shape and from what its Lipschitz constants allow. */
import type { NDArray } from '../tensor/index.ts';
import { bestDenseBound, requiredLipschitz } from './bounds.ts';
import { describeData, standardizedSubset, type DataShape } from './dimension.ts';

export interface Diagnosis {
  readonly data: DataShape;
  /**
   * Total variation that every flow with Lip(F) ≤ the given constant keeps from the data, at least, with probability 99 %: the dense
   * bound over balls about samples. The data are standardised, the base is the standard normal.
   */
  readonly tvBound: number;
  /** Least Lip(F) for which that bound is below 0.01. */
  readonly requiredLipschitz: number;
}

/** Judges samples x `[n, ...shape]` for flows with Lip(F) ≤ `lipschitz`. */
export function diagnoseData(x: NDArray, lipschitz: number): Diagnosis {
  const data = describeData(x);
  const rows = standardizedSubset(x, 2000);
  const d = data.ambient;
  return {
    data,
    tvBound: bestDenseBound(rows, d, lipschitz).bound,
    requiredLipschitz: requiredLipschitz(rows, d),
  };
}

/** What will spoil the training of any flow on such data, and what to do, or null. */
export function warningFor({ degenerate, outlier }: DataShape): string | null {
  if (outlier !== null) {
    const { value, entry, distance } = outlier;
    return `number ${entry} of a sample is ${value.toPrecision(3)}, ${distance.toPrecision(2)} interquartile ranges from the median: beside it all other samples are one point; leave that sample out`;
  }
  if (degenerate === null) return null;
  return `${degenerate}; a likelihood has no upper limit there and may explode: add noise, leave out entries, or train a flow over charts`;
}

/** The diagnosis as one sentence, beginning with yes or no. */
export function adviceFor({ data, tvBound }: Diagnosis): string {
  if (data.outlier !== null) return `no: ${warningFor(data)}`;
  if (data.degenerate !== null) {
    return `no: ${data.degenerate}, where a likelihood has no upper limit; add noise, or train a flow over charts (vq-realnvp)`;
  }
  if (data.components > 1) {
    return `only with bridges: the samples come in ${data.components} pieces, and a flow keeps its base in one; a mixture as base, or charts, cut them`;
  }
  if (tvBound > 0.01) return 'only with larger Lipschitz constants than were given';
  return 'yes: nothing speaks against it';
}
