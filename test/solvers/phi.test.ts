import { expect, test } from 'vitest';
import { add, complex, divide, exp, multiply, scale, type Complex } from '../../solvers/complex.ts';
import { phi1, phi2, phi3 } from '../../solvers/phi.ts';

/** Radii over 14 decades and both sides of the change of method at 1; angles all around. */
const radii = [0, 1e-8, 1e-5, 1e-3, 0.03, 0.5, 0.999, 1, 1.001, 3, 12, 60];
const grid = radii.flatMap((r) =>
  Array.from({ length: 16 }, (_, j) => scale(r, exp(complex(0, (Math.PI * j) / 8)))),
);

const modulus = (z: Complex): number => Math.hypot(z.re, z.im);

/** Σ z^j/(j + n)!, which is accurate for |z| ≤ 4. */
function series(n: number, z: Complex): Complex {
  let term = complex(1);
  for (let j = 1; j <= n; j++) term = scale(1 / j, term);
  let total = term;
  for (let j = 1; j < 60; j++) {
    term = scale(1 / (j + n), multiply(term, z));
    total = add(total, term);
  }
  return total;
}

/** The textbook formula, which is accurate for large |z|. */
const closed: Record<number, (z: Complex) => Complex> = {
  1: (z) => divide(add(exp(z), complex(-1)), z),
  2: (z) => divide(add(exp(z), complex(-1), scale(-1, z)), multiply(z, z)),
  3: (z) =>
    divide(add(exp(z), complex(-1), scale(-1, z), scale(-0.5, multiply(z, z))), multiply(z, multiply(z, z))),
};

test.each([
  [1, phi1],
  [2, phi2],
  [3, phi3],
] as const)('φ%i agrees with series and closed form to 1e-12 on a complex grid', (n, phi) => {
  for (const z of grid) {
    const expected = modulus(z) <= 3 ? series(n, z) : closed[n](z);
    const size = Math.max(modulus(expected), modulus(exp(z)) / modulus(z) ** n || 0, 1e-3);
    expect(modulus(add(phi(z), scale(-1, expected))) / size, `z = ${z.re} + ${z.im}i`).toBeLessThan(1e-12);
  }
});

test('φ of a real argument is real, of an imaginary one it is not', () => {
  expect(Math.abs(phi3(complex(-0.3)).im)).toBeLessThan(1e-15);
  expect(Math.abs(phi3(complex(0, 0.3)).im)).toBeGreaterThan(0.01);
});
