/**
 * The φ-functions of exponential integrators, for any complex argument:
 *
 *   φ₁(z) = (e^z − 1)/z,   φ₂(z) = (e^z − 1 − z)/z²,   φ₃(z) = (e^z − 1 − z − z²/2)/z³.
 *
 * Near zero the closed forms lose every digit, so there we take Cauchy's mean over a circle around z (Kassam & Trefethen,
 * SIAM J. Sci. Comput. 26, 2005). The circle is a full one and the mean stays complex: taking the real part, or half of
 * the circle, is right for real symbols only and reduces dispersive equations to first order.
 */
import { add, complex, divide, exp, multiply, scale, type Complex } from './complex.ts';

const CIRCLE_POINTS = 48;
/** Radius 2 keeps every point of a circle around |z| < 1 at least 1 away from the cancellation at zero. */
const CIRCLE_RADIUS = 2;
const CIRCLE = Array.from({ length: CIRCLE_POINTS }, (_, j) =>
  scale(CIRCLE_RADIUS, exp(complex(0, (2 * Math.PI * (j + 0.5)) / CIRCLE_POINTS))),
);

/** φ₁(z). Relative accuracy 1e-14. */
export const phi1 = (z: Complex): Complex => entire(closedForm(1), z);
/** φ₂(z). Relative accuracy 1e-14. */
export const phi2 = (z: Complex): Complex => entire(closedForm(2), z);
/** φ₃(z). Relative accuracy 1e-13. */
export const phi3 = (z: Complex): Complex => entire(closedForm(3), z);

/** An entire function from a formula that is accurate for |z| ≥ 1 only. */
function entire(formula: (z: Complex) => Complex, z: Complex): Complex {
  if (z.re * z.re + z.im * z.im >= 1) return formula(z);
  return scale(1 / CIRCLE_POINTS, add(...CIRCLE.map((r) => formula(add(z, r)))));
}

/** φ_order by φ₀ = e^z and φ_{n+1}(z) = (φ_n(z) − 1/n!)/z. */
function closedForm(order: 1 | 2 | 3): (z: Complex) => Complex {
  return (z) => {
    let value = exp(z);
    let factorial = 1;
    for (let n = 0; n < order; n++) {
      value = divide(add(value, complex(-1 / factorial)), z);
      factorial *= n + 1;
    }
    return value;
  };
}

/** z/2, the argument of the half step. */
export const half = (z: Complex): Complex => multiply(z, complex(0.5));
