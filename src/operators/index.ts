/** Neural operators by name: families with their options, and the named variants that tables show as rows. */
import { fno } from './fno.ts';
import { gno } from './gno.ts';
import { lno } from './lno.ts';
import { mgno } from './mgno.ts';
import { mwt } from './mwt.ts';
import type { Operator, OperatorFamily } from './operator.ts';
import { pade } from './pade.ts';

export type { Operator, OperatorFamily, PublishedTraining, TensorsOf } from './operator.ts';
export * from './baselines.ts';
export * from './lipschitz.ts';
export {
  multiwaveletFilters,
  waveletMatrices,
  type MultiwaveletFilters,
  type WaveletBasis,
} from './multiwaveletFilters.ts';
export { padeBlock, type Degrees, type PadeBlock } from './padeBlock.ts';
export { LARGEST_DEGREE } from './pade.ts';
export { padeCoefficients } from './padeCoefficients.ts';
export { fno, gno, lno, mgno, mwt, pade };

export const families: readonly OperatorFamily[] = [pade, mwt, fno, mgno, lno, gno];

interface Variant {
  readonly family: string;
  readonly title: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Variants worth a row of their own: a name for a choice of options. */
const variants: Readonly<Record<string, Variant>> = {
  'pade-full': { family: 'pade', title: 'Padé, full degrees', options: { degrees: 'full' } },
  'pade-exact': {
    family: 'pade',
    title: 'Padé, exact inverse',
    options: { degrees: 'full', denominator: 'exact' },
  },
  'pade-2layer': { family: 'pade', title: 'Padé, two layers', options: { layers: 2 } },
  'mwt-chebyshev': {
    family: 'mwt',
    title: 'Multiwavelet operator, Chebyshev',
    options: { basis: 'chebyshev' },
  },
  'mgno-small': {
    family: 'mgno',
    title: 'Multipole graph operator, small',
    options: { width: 16, kernelWidth: 64, levels: 5 },
  },
  'lno-small': {
    family: 'lno',
    title: 'Low-rank operator, small',
    options: { width: 16, rank: 2, hidden: [32, 64] },
  },
  'gno-small': {
    family: 'gno',
    title: 'Graph operator, small',
    options: { width: 16, kernelWidth: 64 },
  },
};

export const operatorNames: readonly string[] = [
  ...families.map(({ name }) => name),
  ...Object.keys(variants),
];

/**
 * The operator of that name with options over its defaults.
 *
 * @throws if the name is unknown or an option is.
 */
export function getOperator(name: string, options: Readonly<Record<string, unknown>> = {}): Operator {
  const variant = Object.hasOwn(variants, name) ? variants[name] : undefined;
  const family = families.find((candidate) => candidate.name === (variant?.family ?? name));
  if (!family) throw new Error(`operator '${name}' is unknown; expected one of ${operatorNames.join(', ')}`);
  const created = family.create({ ...variant?.options, ...options });
  return { ...created, name, title: variant?.title ?? created.title };
}
