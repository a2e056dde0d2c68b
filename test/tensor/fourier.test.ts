/** Fourier transforms of any length against the defining sums, and the laws they obey. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  array,
  compile,
  complex,
  fft,
  fft2c,
  fftc,
  fftFrequencies,
  fftshift,
  grad,
  ifft,
  ifft2c,
  ifftc,
  ifftshift,
  irfft,
  jvp,
  pad,
  placeholder,
  reshape,
  rfft,
  spec,
  sub,
  sum,
  truncatedDft,
  truncatedIdft,
  vmap,
  type Complex,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { runReference } from './sweep.ts';

interface Values {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Σ_j z_j e^(∓2πijk/n), the definition; angles are reduced in whole numbers first. */
function directDft({ re, im }: Values, sign = -1): Values {
  const n = re.length;
  const cos = Float64Array.from({ length: n }, (_, r) => Math.cos((2 * Math.PI * r) / n));
  const sin = Float64Array.from({ length: n }, (_, r) => Math.sin((2 * Math.PI * r) / n));
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    for (let j = 0; j < n; j++) {
      const [c, s] = [cos[(j * k) % n], sign * sin[(j * k) % n]];
      out.re[k] += re[j] * c - im[j] * s;
      out.im[k] += re[j] * s + im[j] * c;
    }
  }
  return out;
}

const randomArray = (seed: number, shape: readonly number[]): NDArray =>
  array(
    normal(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );

function error(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  expect(actual.length).toBe(expected.length);
  return difference / (size || 1);
}

const row = (x: ArrayLike<number>, index: number, n: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => x[index * n + i]);

const lengths = [...Array.from({ length: 40 }, (_, i) => i + 1), 96, 180, 230, 320, 368, 1009, 1024, 2018];

describe.each(lengths)('length %d', (n) => {
  test('fft, ifft, rfft, irfft equal the defining sums', async () => {
    const half = Math.floor(n / 2) + 1;
    const [re, im] = [randomArray(1, [2, n]), randomArray(2, [2, n])];
    const program = await compile(
      (x: Tensor, y: Tensor) => ({
        forward: fft({ re: x, im: y }),
        inverse: ifft({ re: x, im: y }),
        real: rfft(x),
        back: irfft(rfft(x), n),
      }),
      [spec([2, n]), spec([2, n])],
      { dtype: 'float64', threads: 1 },
    );
    const result = await program.run([re, im]);
    await program.dispose();
    for (const index of [0, 1]) {
      const z = { re: row(re.data, index, n), im: row(im.data, index, n) };
      const forward = directDft(z);
      expect(error(row(result.forward.re.data, index, n), forward.re)).toBeLessThan(1e-12);
      expect(error(row(result.forward.im.data, index, n), forward.im)).toBeLessThan(1e-12);
      const inverse = directDft(z, 1);
      const scaled = (x: Float64Array): Float64Array => x.map((value) => value / n);
      expect(error(row(result.inverse.re.data, index, n), scaled(inverse.re))).toBeLessThan(1e-12);
      expect(error(row(result.inverse.im.data, index, n), scaled(inverse.im))).toBeLessThan(1e-12);
      const real = directDft({ re: z.re, im: new Float64Array(n) });
      const scale = Math.max(...real.re.map(Math.abs), ...real.im.map(Math.abs));
      const largest = (a: Float64Array, b: Float64Array): number =>
        Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / scale;
      expect(largest(row(result.real.re.data, index, half), real.re.slice(0, half))).toBeLessThan(1e-12);
      expect(largest(row(result.real.im.data, index, half), real.im.slice(0, half))).toBeLessThan(1e-12);
      expect(error(row(result.back.data, index, n), z.re)).toBeLessThan(1e-12);
    }
  });
});

test('a length that splits three times and more equals the defining sum', async () => {
  const n = 2 * 3 * 5 * 7 * 11 * 13;
  const re = randomArray(5, [1, n]);
  const program = await compile((x: Tensor) => fft({ re: x, im: x }), [spec([1, n])], { dtype: 'float64' });
  const { re: actual } = await program.run([re]);
  await program.dispose();
  const x = re.data as Float64Array;
  for (const k of [0, 1, 7, 1234, n - 1]) {
    let expected = 0;
    for (let j = 0; j < n; j++) {
      const angle = (2 * Math.PI * ((j * k) % n)) / n;
      expected += x[j] * (Math.cos(angle) + Math.sin(angle));
    }
    expect(Math.abs(actual.data[k] - expected) / Math.sqrt(n)).toBeLessThan(1e-12);
  }
});

describe('laws', () => {
  test('any axis: the transform of a transposed array is the transposed transform', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 0, max: 2 }), (n, axis) => {
        const shape = [2, 3];
        shape.splice(axis, 0, n);
        const [re, im] = [randomArray(3, shape), randomArray(4, shape)];
        const out = runReference(
          (x, y) => {
            const z = fft({ re: x, im: y }, axis);
            return { re: z.re, im: z.im };
          },
          [re, im],
        );
        const step = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
        const pickLine = (x: NDArray, start: number): Float64Array =>
          Float64Array.from({ length: n }, (_, i) => x.data[start + i * step]);
        const start = step > 1 ? 1 : n;
        const expected = directDft({ re: pickLine(re, start), im: pickLine(im, start) });
        expect(error(pickLine(out.re, start), expected.re)).toBeLessThan(1e-11);
        expect(error(pickLine(out.im, start), expected.im)).toBeLessThan(1e-11);
      }),
      { numRuns: 25 },
    );
  });

  test.each([7, 64, 96, 230, 1031])("Parseval's identity, n = %d", (n) => {
    const out = runReference(
      (x, y) => {
        const z = { re: x, im: y };
        return { before: sum(complex.abs2(z)), after: sum(complex.abs2(fft(z))) };
      },
      [randomArray(6, [n]), randomArray(7, [n])],
    );
    expect(out.after.data[0] / n / out.before.data[0]).toBeCloseTo(1, 12);
  });

  test.each([
    [8, 8],
    [5, 7],
    [96, 9],
    [72, 230],
  ])('fft2c is fftshift of the orthonormal transform of ifftshift, and ifft2c undoes it: %d × %d', (h, w) => {
    const out = runReference(
      (x, y) => {
        const z = { re: x, im: y };
        const unshifted = complex.mapParts(z, (part) => ifftshift(part, [-2, -1]));
        const plain = complex.scale(1 / Math.sqrt(h * w), fft(fft(unshifted, -1), -2));
        const shifted = complex.mapParts(plain, (part) => fftshift(part, [-2, -1]));
        const centred = fft2c(z);
        const back = ifft2c(centred);
        const oneByOne = fftc(fftc(z, -2));
        const undone = ifftc(ifftc(oneByOne), -2);
        return {
          oneByOne: oneByOne.re,
          oneByOneIm: oneByOne.im,
          undone: undone.im,
          expected: shifted.re,
          expectedIm: shifted.im,
          re: centred.re,
          im: centred.im,
          back: back.re,
        };
      },
      [randomArray(8, [2, h, w]), randomArray(9, [2, h, w])],
    );
    expect(error(out.re.data, out.expected.data)).toBeLessThan(1e-12);
    expect(error(out.im.data, out.expectedIm.data)).toBeLessThan(1e-12);
    expect(error(out.back.data, randomArray(8, [2, h, w]).data)).toBeLessThan(1e-12);
    // Along one axis after the other.
    expect(error(out.oneByOne.data, out.expected.data)).toBeLessThan(1e-12);
    expect(error(out.oneByOneIm.data, out.expectedIm.data)).toBeLessThan(1e-12);
    expect(error(out.undone.data, randomArray(9, [2, h, w]).data)).toBeLessThan(1e-12);
  });

  test.each([
    [6, 9],
    [96, 10],
  ])('ifft2c is the adjoint of fft2c: ⟨F a, b⟩ = ⟨a, F⁻¹ b⟩, %d × %d', (h, w) => {
    const dot = (a: Complex, b: Complex): Tensor =>
      sum(add(complex.mul(a, complex.conj(b)).re, complex.mul(a, complex.conj(b)).im));
    const out = runReference(
      (a, b, c, d) => {
        const [u, v] = [
          { re: a, im: b },
          { re: c, im: d },
        ];
        return { left: dot(fft2c(u), v), right: dot(u, ifft2c(v)) };
      },
      [10, 11, 12, 13].map((seed) => randomArray(seed, [h, w])),
    );
    expect(Math.abs(out.left.data[0] - out.right.data[0])).toBeLessThan(1e-12 * h * w);
  });

  test('the gradient of ½‖F z‖² through fft2c is z', () => {
    const out = runReference(
      (x, y) => {
        const half = (z: { re: Tensor; im: Tensor }): Tensor =>
          sum(complex.abs2(complex.scale(Math.SQRT1_2, fft2c(z))));
        return grad(half)({ re: x, im: y });
      },
      [randomArray(14, [9, 80]), randomArray(15, [9, 80])],
    );
    expect(error(out.re.data, randomArray(14, [9, 80]).data)).toBeLessThan(1e-12);
    expect(error(out.im.data, randomArray(15, [9, 80]).data)).toBeLessThan(1e-12);
  });

  test.each([
    [16, 3],
    [15, 8],
    [96, 49],
    [320, 20],
    [1024, 300],
  ])(
    'truncation, n = %d, modes = %d: the first modes of rfft, and irfft of the padded spectrum',
    (n, modes) => {
      const half = Math.floor(n / 2) + 1;
      const out = runReference(
        (x, y) => {
          const full = rfft(x, 1);
          const kept = truncatedDft(x, modes, 1);
          const padded = complex.mapParts({ re: y, im: y }, (part) =>
            pad(part, [0, 0, 0], [0, half - modes, 0]),
          );
          return {
            full: full.re,
            fullIm: full.im,
            kept: kept.re,
            keptIm: kept.im,
            signal: truncatedIdft({ re: y, im: y }, n, 1),
            expected: irfft(padded, n, 1),
          };
        },
        [randomArray(16, [2, n, 3]), randomArray(17, [2, modes, 3])],
      );
      for (const b of [0, 1]) {
        const cut = (x: NDArray, size: number): ArrayLike<number> =>
          x.data.slice(b * size * 3, b * size * 3 + modes * 3);
        expect(error(cut(out.kept, modes), cut(out.full, half))).toBeLessThan(1e-12);
        // The imaginary part of mode 0 alone is nothing but rounding; compare on the scale of all modes.
        expect(error(cut(out.keptIm, modes), cut(out.fullIm, half))).toBeLessThan(1e-11);
      }
      expect(error(out.signal.data, out.expected.data)).toBeLessThan(1e-12);
    },
  );

  test('vmap of rfft and irfft equals the batched call; jvp of a linear map is the map', () => {
    const n = 90;
    const out = runReference(
      (x, v) => {
        const roundTrip = (row: Tensor): Tensor => irfft(complex.mul(rfft(row), rfft(row)), n);
        return {
          mapped: vmap(roundTrip)(x),
          whole: roundTrip(x),
          tangent: jvp((y: Tensor) => rfft(y).im, [x], [v])[1],
          expected: rfft(v).im,
        };
      },
      [randomArray(18, [4, n]), randomArray(19, [4, n])],
    );
    expect(error(out.mapped.data, out.whole.data)).toBeLessThan(1e-12);
    expect(error(out.tangent.data, out.expected.data)).toBeLessThan(1e-12);
  });
});

describe('shifts and frequencies', () => {
  test.each([1, 2, 5, 8])('fftshift puts mode 0 at ⌊n/2⌋ and ifftshift undoes it, n = %d', (n) => {
    const modes = array(Float64Array.from(fftFrequencies(n, 1 / n)), [n]);
    const out = runReference((x) => ({ shifted: fftshift(x), back: ifftshift(fftshift(x)) }), [modes]);
    expect([...out.shifted.data]).toEqual(Array.from({ length: n }, (_, i) => i - Math.floor(n / 2)));
    expect([...out.back.data]).toEqual([...modes.data]);
  });

  test('frequencies follow the spacing', () => {
    expect([...fftFrequencies(4, 0.5)]).toEqual([0, 0.5, -1, -0.5]);
    expect([...fftFrequencies(5, 1)]).toEqual([0, 0.2, 0.4, -0.4, -0.2]);
  });
});

describe('complex algebra', () => {
  test('abs and expi against scalar arithmetic; |z| neither overflows nor vanishes', () => {
    const z = { re: [3, -1e200, 0, 3e-200], im: [-4, 1e200, 0, 4e-200] };
    const out = runReference(
      (re, im, theta) => {
        const turn = complex.expi(theta);
        return {
          length: complex.abs({ re, im }),
          slope: grad((x: Tensor) => sum(complex.abs({ re: x, im })))(re),
          difference: sub(complex.sub(turn, { re, im }).re, sub(turn.re, re)),
          one: complex.abs2(turn),
        };
      },
      [array(z.re), array(z.im), array([0, 1, 2, 3])],
    );
    [5, Math.SQRT2 * 1e200, 0, 5e-200].forEach((value, i) =>
      expect(Math.abs(out.length.data[i] - value)).toBeLessThanOrEqual(1e-15 * value),
    );
    [0.6, -Math.SQRT1_2, 0, 0.6].forEach((value, i) => expect(out.slope.data[i]).toBeCloseTo(value, 12));
    expect([...out.difference.data]).toEqual([0, 0, 0, 0]);
    out.one.data.forEach((value) => expect(value).toBeCloseTo(1, 15));
  });

  test('a row times its conjugate transpose is its squared length, with no imaginary part', () => {
    const out = runReference(
      (re, im) => {
        const row = { re, im };
        const adjoint = complex.mapParts(complex.conj(row), (part) => reshape(part, [5, 1]));
        const product = complex.matmul(row, adjoint);
        return { re: product.re, im: product.im, expected: sum(complex.abs2(row)) };
      },
      [randomArray(20, [1, 5]), randomArray(21, [1, 5])],
    );
    expect(out.re.data[0]).toBeCloseTo(out.expected.data[0], 12);
    expect(out.im.data[0]).toBeCloseTo(0, 12);
  });
});

describe('refusals', () => {
  const x = (): Tensor => placeholder([3, 8]);
  test('more modes than a real signal has', () => {
    expect(() => truncatedDft(x(), 6)).toThrow(/6 modes of a real signal of 8 values.*1 … 5/);
  });
  test('a half spectrum of the wrong size', () => {
    expect(() => irfft({ re: x(), im: x() }, 8)).toThrow(/8 modes for 8 values, expected 5/);
  });
  test('parts of different shapes', () => {
    expect(() => fft({ re: x(), im: sum(x()) })).toThrow(/one shape and dtype/);
  });
});
