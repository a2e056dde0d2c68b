/**
 * Operators on fields over space and time, by name: [batch, s, time, inputs] → [batch, s, time, 1] for `…-2d` (one space
 * dimension and time) and [batch, n1, n2, time, inputs] → [batch, n1, n2, time, 1] for `…-3d` (two and time).
 */
import type { Operator, OperatorFamily } from '../operator.ts';
import { fno2d, fno3d } from './fno.ts';
import { lno3d } from './lno.ts';
import { mwt2d, mwt3d } from './mwt.ts';
import { pade2d, pade3d } from './pade.ts';

export { spaceTransform, type SpaceTransform } from './pyramid.ts';

export const spaceTimeFamilies: readonly OperatorFamily[] = [
  pade3d,
  mwt3d,
  fno3d,
  lno3d,
  pade2d,
  mwt2d,
  fno2d,
];

export const spaceTimeOperatorNames: readonly string[] = spaceTimeFamilies.map(({ name }) => name);

/**
 * Sizes for the epidemic task: 50 states × 3 compartments × 7 days to come, 14 days of the past as input channels. The source
 * prints only total numbers of parameters (Padé 689K, MWT 18M, FNO-3D 1.06M, LNO-3D 275K); these choices come near them.
 * On the padded grid, 64 × 4, the finest kernels of the wavelet models see 32 × 2 cells, so one mode of the second axis
 * (frequencies −1 and 0, which is all that two cells have) and four of seven days are everything there is.
 */
export const covidSizes: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'pade-3d': { inputs: 14, k: 2, channels: 3, modes: [10, 1, 4], layers: 1 },
  'mwt-3d': { inputs: 14, k: 3, channels: 4, modes: [12, 1, 4], layers: 4 },
  'fno-3d': { inputs: 14, width: 20, modes: [10, 2, 4], layers: 4 },
  'lno-3d': { inputs: 14, width: 16, rank: 2, hidden: [32, 60], layers: 4 },
};

/**
 * The operator of that name with options over its defaults.
 *
 * @throws if the name is unknown or an option is.
 */
export function getSpaceTimeOperator(
  name: string,
  options: Readonly<Record<string, unknown>> = {},
): Operator {
  const family = spaceTimeFamilies.find((candidate) => candidate.name === name);
  if (!family) {
    throw new Error(
      `space-time operator '${name}' is unknown; expected one of ${spaceTimeOperatorNames.join(', ')}`,
    );
  }
  return family.create(options);
}
