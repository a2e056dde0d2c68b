/** How far the labels of a benchmark can be trusted themselves: a row of the table for every case, and notes. */
import { canonicalJson, type Condition, type ResultRow } from '../runs/index.ts';
import type { DataFacts } from './experiment.ts';
import { limitRow, referenceRow } from './resultRows.ts';

/**
 * What the labels are. `released`: one time step, as the published generator takes; what it errs by is a function of the input, and so a
 * model may learn it. `converged`: accurate as far as the solver can tell. `file`: the user's own, of which nothing is known but
 * the number that the file states.
 */
export type LabelKind = 'released' | 'converged' | 'file';

/** A case as far as its labels are concerned; cases of one label have the same pairs. */
export interface LabelledCase {
  readonly condition: Condition;
  readonly label: string;
  readonly kind: LabelKind;
}

const FACT = 'labelErrorEstimate';

/** The model column of the rows. */
export const LABEL_ROW = 'labels';

/** The certificates of the data by label as facts of a result: one where all are alike, else one a label. */
export function labelErrorFacts(estimates: ReadonlyMap<string, number | null>): DataFacts {
  const different = new Set(estimates.values());
  if (different.size === 1) return Object.fromEntries([...different].map((estimate) => [FACT, estimate]));
  return Object.fromEntries([...estimates].map(([label, estimate]) => [`${FACT} at ${label}`, estimate]));
}

/** The certificate of a label's data; null where the facts do not say. */
function labelErrorOf(facts: DataFacts, label: string): number | null {
  const estimate = facts[`${FACT} at ${label}`] ?? facts[FACT];
  return typeof estimate === 'number' ? estimate : null;
}

const RELEASED =
  'error of the labels: the exact solution, measured against them, would have it; no floor, because models learn the labels';
const CONVERGED = 'estimated error of the labels; differences below it say nothing about the equation';

/**
 * The row `labels` of every case among `conditions` whose data say how accurate their labels are. Released labels are no floor but
 * a reference, what the exact solution would score. Converged labels are a floor that no model comes near. What a file states may be
 * either, so it gets no row.
 */
export function labelRows(
  cases: readonly LabelledCase[],
  conditions: readonly Condition[],
  metric: string,
  facts: DataFacts,
): ResultRow[] {
  const shown = new Set(conditions.map(canonicalJson));
  return cases.flatMap(({ condition, label, kind }) => {
    const estimate = labelErrorOf(facts, label);
    if (estimate === null || kind === 'file' || !shown.has(canonicalJson(condition))) return [];
    return kind === 'released'
      ? referenceRow(LABEL_ROW, condition, metric, estimate, RELEASED)
      : limitRow(LABEL_ROW, condition, metric, estimate, CONVERGED);
  });
}

/** What “released” means, with the error that was measured, and what a file states of its labels. */
export function labelNotes(cases: readonly LabelledCase[], facts: DataFacts): string[] {
  const errorsOf = (kind: LabelKind): string =>
    [
      ...new Set(
        cases.flatMap((one) =>
          one.kind === kind ? (labelErrorOf(facts, one.label)?.toPrecision(3) ?? []) : [],
        ),
      ),
    ].join(', ');
  const released = errorsOf('released');
  const measured = released
    ? `; that step itself errs by ${released} relative L2 against a converged solution (row “${LABEL_ROW}”)`
    : '';
  const stated = errorsOf('file');
  return [
    ...(cases.some(({ kind }) => kind === 'released')
      ? [
          `Labels “released” of KdV are one ETDRK4 step of length 1, as the published generator takes${measured}.`,
        ]
      : []),
    ...(stated ? [`The file states that its outputs are in error by ${stated} relative L2.`] : []),
  ];
}
