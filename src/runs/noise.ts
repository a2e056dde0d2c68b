/**
 * The noise between repetitions (seeds, folds): by how much means of few values must differ before an order is claimed. With two or
 * three values two standard errors are too little, equal models would be told apart in one of six comparisons; Student's distribution
 * says how much it takes.
 */

/** Mean of n values with their sample standard deviation; null where there is none. */
export interface Sample {
  readonly mean: number | null;
  readonly std: number | null;
  readonly n: number;
}

/** Share of differences between equal models that stay within the noise. */
export const NOISE_LEVEL = 0.95;

/** What the mean of n ≥ 2 independent values may be off by, at 95 %: t·s/√n. NaN where there is no deviation. */
export const noiseOfMean = ({ std, n }: Pick<Sample, 'std' | 'n'>): number =>
  std === null || n < 2 ? NaN : (studentQuantile(n - 1) * std) / Math.sqrt(n);

/**
 * What the difference of two means of independent values may be off by, at 95 %: t·√(s₁²/n₁ + s₂²/n₂), with the degrees of freedom of
 * Welch 1947. NaN where one of them has no deviation.
 */
export function noiseOfDifference(a: Pick<Sample, 'std' | 'n'>, b: Pick<Sample, 'std' | 'n'>): number {
  if (a.std === null || b.std === null || a.n < 2 || b.n < 2) return NaN;
  const [va, vb] = [a.std ** 2 / a.n, b.std ** 2 / b.n];
  if (va + vb === 0) return 0;
  const share = va / (va + vb);
  const freedom = 1 / (share ** 2 / (a.n - 1) + (1 - share) ** 2 / (b.n - 1));
  return studentQuantile(freedom) * Math.sqrt(va + vb);
}

const STEPS = 1024;
/** Beyond it Student's distribution is the normal one to three digits. */
const MOST_FREEDOM = 1e3;

/**
 * t with P(|T| ≤ t) = 95 % for Student's distribution with ν ≥ 1 degrees of freedom. With t = √ν tan θ that share is
 * ∫₀^θ cos^(ν−1) / ∫₀^(π/2) cos^(ν−1), summed by the midpoint rule.
 */
export function studentQuantile(degrees: number): number {
  const freedom = Math.min(degrees, MOST_FREEDOM);
  const step = Math.PI / 2 / STEPS;
  const parts = Float64Array.from({ length: STEPS }, (_, i) => Math.cos((i + 0.5) * step) ** (freedom - 1));
  const wanted = NOISE_LEVEL * parts.reduce((total, part) => total + part, 0);
  let [below, i] = [0, 0];
  while (below + parts[i] < wanted) below += parts[i++];
  return Math.sqrt(freedom) * Math.tan((i + (wanted - below) / parts[i]) * step);
}
