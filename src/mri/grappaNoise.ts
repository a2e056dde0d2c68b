/**
 * Noise of GRAPPA images in closed form (Breuer, Kannengiesser, Blaimer, Seiberlich, Jakob & Griswold, Magnetic Resonance in
 * Medicine 62, 2009): the kernel is a multiplication between coils at each pixel. It is exact for uniform sampling without ACS
 * lines and a width that R divides; where ACS lines replace what the kernel gives, noise is lower and correlated otherwise, and
 * the Jacobian of the reconstruction is the right reference (Rabanillo-Viloria et al., Magnetic Resonance in Medicine 82, 2019).
 */
import { array, complexArray, type ComplexArray, type NDArray } from '../tensor/index.ts';
import { fourierSeries } from './fourierSeries.ts';
import type { GrappaKernel, GrappaSampling } from './grappa.ts';

/** Weights of the aliased coil images at each pixel [c, h, w]: the image is Σ_c u_c F⁻¹(sampled x_c), with coils combined by Σ S* x. */
export function grappaUnmixing(
  { acceleration: R, readout, phase, weights }: GrappaKernel,
  sensitivities: ComplexArray,
): ComplexArray {
  const [coils, h, w] = sensitivities.re.shape;
  if (weights.re.shape[1] !== coils)
    throw new Error(
      `grappa: sensitivities of ${coils} coils and a kernel for ${weights.re.shape[1]}, expected the same`,
    );
  const pixels = h * w;
  // A gap m after a base is filled from the sampled column t·R after it: a convolution lag of m − t·R; lag 0 is the base itself.
  const gaps = Array.from(
    { length: (R - 1) * phase },
    (_, i) => Math.floor(i / phase) + 1 - ((i % phase) - phase / 2 + 1) * R,
  );
  const rowLags = Array.from({ length: readout }, (_, i) => (readout - 1) / 2 - i);
  const [unmixRe, unmixIm] = [
    Float64Array.from(sensitivities.re.data),
    Float64Array.from(sensitivities.im.data, (v) => -v),
  ];
  for (let target = 0; R > 1 && target < coils; target++) {
    // [source coil, row lag, column lag] of one target coil.
    const pick = (data: ArrayLike<number>): Float64Array =>
      Float64Array.from({ length: coils * readout * gaps.length }, (_, i) => {
        const [gap, rest] = [i % gaps.length, Math.floor(i / gaps.length)];
        const [row, source] = [rest % readout, Math.floor(rest / readout)];
        const m = Math.floor(gap / phase);
        return data[(((m * coils + target) * coils + source) * readout + row) * phase + (gap % phase)];
      });
    const image = fourierSeries({ re: pick(weights.re.data), im: pick(weights.im.data) }, rowLags, gaps, [
      h,
      w,
    ]);
    for (let source = 0; source < coils; source++)
      for (let p = 0; p < pixels; p++) {
        const [a, b] = [
          sensitivities.re.data[target * pixels + p],
          -sensitivities.im.data[target * pixels + p],
        ];
        const [x, y] = [image.re[source * pixels + p], image.im[source * pixels + p]];
        unmixRe[source * pixels + p] += a * x - b * y;
        unmixIm[source * pixels + p] += a * y + b * x;
      }
  }
  return complexArray(unmixRe, unmixIm, [coils, h, w]);
}

/**
 * Standard deviation [h, w] of a GRAPPA image from uniform columns alone, combined by the sensitivities: √(share of columns · u Ψ uᴴ).
 * With Ψ the covariance of one real component of the noise (default the identity) it is that of the real and of the imaginary part.
 *
 * @throws if coils do not agree.
 */
export function grappaNoiseSd(
  kernel: GrappaKernel,
  sensitivities: ComplexArray,
  { offset }: GrappaSampling,
  covariance?: ComplexArray,
): NDArray {
  const [, h, w] = sensitivities.re.shape;
  const share = Math.ceil((w - offset) / kernel.acceleration) / w;
  const power = noisePower(grappaUnmixing(kernel, sensitivities), covariance);
  return array(
    power.map((value) => Math.sqrt(share * value)),
    [h, w],
  );
}

/**
 * The geometry factor [h, w]: the standard deviation over that of the fully sampled image combined alike, over √R. 0 where all
 * sensitivities are zero.
 *
 * @throws if coils do not agree.
 */
export function grappaGFactor(
  kernel: GrappaKernel,
  sensitivities: ComplexArray,
  covariance?: ComplexArray,
): NDArray {
  const [, h, w] = sensitivities.re.shape;
  const accelerated = noisePower(grappaUnmixing(kernel, sensitivities), covariance);
  const full = noisePower(conjugate(sensitivities), covariance);
  return array(
    accelerated.map((value, p) => (full[p] === 0 ? 0 : Math.sqrt(value / full[p]) / kernel.acceleration)),
    [h, w],
  );
}

const conjugate = ({ re, im }: ComplexArray): ComplexArray =>
  complexArray(
    Float64Array.from(re.data),
    Float64Array.from(im.data, (v) => -v),
    re.shape,
  );

/** u Ψ uᴴ at each pixel, for weights u [c, h, w]. */
function noisePower({ re, im }: ComplexArray, covariance?: ComplexArray): Float64Array {
  const [coils, h, w] = re.shape;
  const pixels = h * w;
  const power = new Float64Array(pixels);
  for (let c = 0; c < coils; c++)
    for (let d = 0; d < coils; d++) {
      const [x, y] = covariance
        ? [covariance.re.data[c * coils + d], covariance.im.data[c * coils + d]]
        : [c === d ? 1 : 0, 0];
      if (x === 0 && y === 0) continue;
      for (let p = 0; p < pixels; p++) {
        const [a, b, s, t] = [
          re.data[c * pixels + p],
          im.data[c * pixels + p],
          re.data[d * pixels + p],
          im.data[d * pixels + p],
        ];
        // Re(u_c Ψ_cd u_d*): the imaginary parts of (c, d) and (d, c) cancel.
        power[p] += x * (a * s + b * t) - y * (b * s - a * t);
      }
    }
  return power;
}
