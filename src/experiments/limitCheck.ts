import type { Check } from '../runs/index.ts';

/** A number held against a limit, which is shown with so many digits. A value that is not finite holds nothing. */
export const limitCheck = (
  name: string,
  value: number,
  relation: '≤' | '≥',
  limit: number,
  digits = 3,
): Check => ({
  name,
  value: Number.isFinite(value) ? value : null,
  limit: `${relation} ${limit.toPrecision(digits)}`,
  holds: relation === '≤' ? value <= limit : value >= limit,
});
