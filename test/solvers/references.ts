/** Closed-form solutions that the solvers are measured against. */

/** KdV soliton 3c sech²(½√(c/δ)(x − x₀ − ct)) of u_t = −u u_x − δ u_xxx. */
export const soliton =
  (speed: number, dispersion: number, centre = 0) =>
  (x: number, t: number) =>
    (3 * speed) / Math.cosh(0.5 * Math.sqrt(speed / dispersion) * (x - centre - speed * t)) ** 2;

/**
 * Burgers by Cole–Hopf: u = −2ν θ_x/θ with the positive heat solution θ = 2 + Σ aₙ e^{−νn²t} cos nx, on [0, 2π).
 */
export const coleHopf = (viscosity: number, amplitudes: readonly number[]) => (x: number, t: number) => {
  let theta = 2;
  let slope = 0;
  amplitudes.forEach((amplitude, i) => {
    const n = i + 1;
    const decay = amplitude * Math.exp(-viscosity * n * n * t);
    theta += decay * Math.cos(n * x);
    slope -= n * decay * Math.sin(n * x);
  });
  return (-2 * viscosity * slope) / theta;
};

/** Least-squares slope of log error against log step. */
export function observedOrder(steps: readonly number[], errors: readonly number[]): number {
  const x = steps.map(Math.log);
  const y = errors.map(Math.log);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const covariance = mean(x.map((value, i) => (value - mx) * (y[i] - my)));
  return covariance / mean(x.map((value) => (value - mx) ** 2));
}
