/** Whether one flow with a base of one piece can fit samples, from their shape and from what its Lipschitz constants allow. */
import type { NDArray } from '../tensor/index.ts';
import { bestDenseBound, requiredLipschitz } from './bounds.ts';
import { describeData, standardizedSubset, type DataShape, type Degeneracy } from './dimension.ts';

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

/** Charts are none: their density is by volume too. */
const remedies: Readonly<Record<Degeneracy['kind'], string>> = {
  constant: 'leave them out',
  favoured: 'add noise to it, leave it out, or leave out those samples and count them apart',
  discrete: 'add noise of the size of a step, or leave it out',
  dependent: 'leave out those that follow from the others, or add noise',
  repeated: 'leave out copies, and where numbers are rounded, add noise of the size of a step',
  surface:
    'add noise, leave out entries, or train a conformal embedding flow (cef), whose density is by area on the set',
};

/**
 * What will spoil the training of any flow on such data, and what to do, or null. `rows`: what the samples are called, by default their
 * row.
 */
export function warningFor({ degenerate, outlier }: DataShape, rows?: ArrayLike<number>): string | null {
  if (outlier !== null) {
    const { value, sample, entry, distance } = outlier;
    return `number ${entry} of sample ${rows?.[sample] ?? sample} is ${value.toPrecision(3)}, ${distance.toPrecision(2)} interquartile ranges from the median: beside it all other samples are one point; leave that sample out`;
  }
  if (degenerate === null) return null;
  return `${degenerate.text}; a likelihood has no upper limit there and may explode: ${remedies[degenerate.kind]}`;
}

/** The diagnosis as one sentence, beginning with yes or no. */
export function adviceFor({ data, tvBound }: Diagnosis, rows?: ArrayLike<number>): string {
  const warning = warningFor(data, rows);
  if (warning !== null) return `no: ${warning}`;
  if (data.components > 1) {
    return `only with bridges: the samples come in ${data.components} pieces, and a flow keeps its base in one; a mixture as base, or charts, cut them`;
  }
  if (tvBound > 0.01) return 'only with larger Lipschitz constants than were given';
  return 'yes: nothing speaks against it';
}
