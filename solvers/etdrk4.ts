/**
 * ETDRK4: exponential time differencing with a Runge–Kutta scheme of order 4 for v' = Lv + N(v), L diagonal in Fourier
 * space (Cox & Matthews, J. Comput. Phys. 176, 2002; coefficients after Kassam & Trefethen, SIAM J. Sci. Comput. 26, 2005).
 *
 *   a = e^{z/2}v + (h/2)φ₁(z/2)N(v)             b = e^{z/2}v + (h/2)φ₁(z/2)N(a)            z = hL
 *   c = e^{z/2}a + (h/2)φ₁(z/2)(2N(b) − N(v))
 *   v⁺ = e^z v + h(φ₁ − 3φ₂ + 4φ₃)N(v) + h(2φ₂ − 4φ₃)(N(a) + N(b)) + h(4φ₃ − φ₂)N(c)
 */
import { add, complex, exp, scale, type Complex } from './complex.ts';
import { half, phi1, phi2, phi3 } from './phi.ts';

/** An immutable time stepper: `step` takes a state to the state `dt` later and keeps nothing. */
export interface Stepper {
  readonly dt: number;
  step(v: Float64Array): Float64Array;
}

export interface SemilinearSystem {
  /** Diagonal of L, interleaved complex [2·modes]. */
  readonly symbol: Float64Array;
  /** N(v): half spectrum [2·modes] → [2·modes]; must neither write to its argument nor keep it. */
  readonly nonlinear: (v: Float64Array) => Float64Array;
}

/** The ETDRK4 stepper of time step dt ≠ 0. Order 4, exact when N is zero. */
export function etdrk4({ symbol, nonlinear }: SemilinearSystem, dt: number): Stepper {
  if (!Number.isFinite(dt) || dt === 0)
    throw new Error(`the time step must be a finite number other than 0, got ${dt}`);
  const perMode = (f: (z: Complex) => Complex): Float64Array => multiplierOf(symbol, dt, f);
  const full = perMode(exp);
  const halfway = perMode((z) => exp(half(z)));
  const stage = perMode((z) => scale(dt / 2, phi1(half(z))));
  const weightFirst = perMode((z) => scale(dt, add(phi1(z), scale(-3, phi2(z)), scale(4, phi3(z)))));
  const weightMiddle = perMode((z) => scale(dt, add(scale(2, phi2(z)), scale(-4, phi3(z)))));
  const weightLast = perMode((z) => scale(dt, add(scale(4, phi3(z)), scale(-1, phi2(z)))));

  // Scratch of one call: its content never outlives `step`, so the stepper is immutable to its caller.
  const [a, b, c, slope] = Array.from({ length: 4 }, () => new Float64Array(symbol.length));

  return {
    dt,
    step(v) {
      const slopeV = nonlinear(v);
      setProduct(a, halfway, v);
      b.set(a);
      addProduct(a, stage, slopeV);
      const slopeA = nonlinear(a);
      addProduct(b, stage, slopeA);
      const slopeB = nonlinear(b);
      setProduct(c, halfway, a);
      for (let i = 0; i < slope.length; i++) slope[i] = 2 * slopeB[i] - slopeV[i];
      addProduct(c, stage, slope);
      const slopeC = nonlinear(c);
      for (let i = 0; i < slope.length; i++) slope[i] = slopeA[i] + slopeB[i];
      const next = new Float64Array(v.length);
      setProduct(next, full, v);
      addProduct(next, weightFirst, slopeV);
      addProduct(next, weightMiddle, slope);
      addProduct(next, weightLast, slopeC);
      return next;
    },
  };
}

/** f(dt·L) mode by mode, interleaved complex: with f = exp the exact propagator of v' = Lv over dt. */
export function multiplierOf(symbol: Float64Array, dt: number, f: (z: Complex) => Complex): Float64Array {
  const values = new Float64Array(symbol.length);
  for (let i = 0; i < symbol.length; i += 2) {
    const value = f(complex(dt * symbol[i], dt * symbol[i + 1]));
    values[i] = value.re;
    values[i + 1] = value.im;
  }
  return values;
}

/** target = a·b, interleaved complex. */
function setProduct(target: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < target.length; i += 2) {
    const re = a[i];
    const im = a[i + 1];
    target[i] = re * b[i] - im * b[i + 1];
    target[i + 1] = re * b[i + 1] + im * b[i];
  }
}

/** target += a·b, interleaved complex. */
function addProduct(target: Float64Array, a: Float64Array, b: Float64Array): void {
  for (let i = 0; i < target.length; i += 2) {
    const re = a[i];
    const im = a[i + 1];
    target[i] += re * b[i] - im * b[i + 1];
    target[i + 1] += re * b[i + 1] + im * b[i];
  }
}
