/** Random periodic functions on [0, 1): Gaussian random fields and sums of a few modes. */
import { fourierTransform } from '../solvers/fourier.ts';
import { normal, split, uniform, type Key } from '../src/tensor/random.ts';

/**
 * u(x) = Σ_{k=1}^{modes} σ_k (ξ_k cos 2πkx + η_k sin 2πkx) with independent standard normal ξ_k, η_k, on `points` equispaced
 * points of [0, 1). Mode k takes numbers 2k − 2 and 2k − 1 of the key, so a finer grid shows the same function with more of
 * its modes. Modes above points/2 do not fit and are left out; the last mode of an even grid has no sine.
 */
export function randomModes(
  key: Key,
  points: number,
  modes: number,
  deviation: (k: number) => number,
): Float64Array {
  const transform = fourierTransform(points);
  const last = Math.min(modes, transform.modes - 1);
  const draw = normal(key, 2 * last);
  const spectrum = new Float64Array(2 * transform.modes);
  for (let k = 1; k <= last; k++) {
    const amplitude = deviation(k) * (2 * k === points ? points : points / 2);
    spectrum[2 * k] = amplitude * draw[2 * k - 2];
    spectrum[2 * k + 1] = -amplitude * draw[2 * k - 1];
  }
  return transform.inverse(spectrum);
}

/**
 * u(x) = modes^{−1/2} Σ_{k=1}^{modes} a_k cos(2πkx + φ_k) with independent standard normal a_k and phases φ_k uniform on the
 * circle, on `points` > 2 `modes` equispaced points of [0, 1): pointwise variance 1/2.
 */
export function randomWaves(key: Key, points: number, modes: number): Float64Array {
  const [amplitudes, phases] = split(key, 2);
  const amplitude = normal(amplitudes, modes);
  const phase = uniform(phases, modes);
  const transform = fourierTransform(points);
  const spectrum = new Float64Array(2 * transform.modes);
  for (let k = 1; k <= modes; k++) {
    const height = (amplitude[k - 1] / Math.sqrt(modes)) * (points / 2);
    spectrum[2 * k] = height * Math.cos(2 * Math.PI * phase[k - 1]);
    spectrum[2 * k + 1] = height * Math.sin(2 * Math.PI * phase[k - 1]);
  }
  return transform.inverse(spectrum);
}

/**
 * Gaussian random field of mean zero and covariance τ⁴(−Δ + τ²)^{−γ} on the periodic interval [0, 1): deviations
 * σ_k = √2 τ² ((2πk)² + τ²)^{−γ/2}. With τ = 7, γ = 2.5 it is the distribution of the published KdV benchmark
 * (Gupta, Xiao & Bogdan, NeurIPS 2021), standard deviation about 0.27.
 */
export function gaussianRandomField(key: Key, points: number, { tau = 7, gamma = 2.5 } = {}): Float64Array {
  return randomModes(
    key,
    points,
    points / 2,
    (k) => Math.SQRT2 * tau ** 2 * ((2 * Math.PI * k) ** 2 + tau ** 2) ** (-gamma / 2),
  );
}
