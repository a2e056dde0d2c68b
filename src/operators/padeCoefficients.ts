/** Coefficients of the Padé approximation [p/q] of e^x (Padé 1892; Higham, "Functions of Matrices", 10.3). */

/**
 * a_j = (p+q−j)! p! / ((p+q)! j! (p−j)!) and b_j = (−1)^j (p+q−j)! q! / ((p+q)! j! (q−j)!), so that
 * e^x = Σ a_j x^j / Σ b_j x^j + O(x^(p+q+1)).
 *
 * @throws if p or q is not a whole number ≥ 0.
 */
export function padeCoefficients(p: number, q: number): { a: number[]; b: number[] } {
  for (const [name, degree] of [
    ['p', p],
    ['q', q],
  ] as const) {
    if (!Number.isInteger(degree) || degree < 0)
      throw new Error(`padeCoefficients: ${name} = ${degree}, expected a whole number ≥ 0`);
  }
  return { a: numerator(p, q), b: numerator(q, p).map((value, j) => (j % 2 === 0 ? value : -value)) };
}

/** By the ratio of neighbours, a_(j+1)/a_j = (p−j) / ((p+q−j)(j+1)): no factorial overflows. */
function numerator(p: number, q: number): number[] {
  const a = [1];
  for (let j = 0; j < p; j++) a.push((a[j] * (p - j)) / ((p + q - j) * (j + 1)));
  return a;
}
