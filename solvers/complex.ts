/** Complex numbers for symbols of differential operators: small immutable pairs, not for inner loops. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

export const complex = (re: number, im = 0): Complex => ({ re, im });

export const add = (...terms: readonly Complex[]): Complex => ({
  re: terms.reduce((sum, z) => sum + z.re, 0),
  im: terms.reduce((sum, z) => sum + z.im, 0),
});

export const multiply = (a: Complex, b: Complex): Complex => ({
  re: a.re * b.re - a.im * b.im,
  im: a.re * b.im + a.im * b.re,
});

export const scale = (factor: number, z: Complex): Complex => ({ re: factor * z.re, im: factor * z.im });

export const divide = (a: Complex, b: Complex): Complex => {
  const squaredModulus = b.re * b.re + b.im * b.im;
  return {
    re: (a.re * b.re + a.im * b.im) / squaredModulus,
    im: (a.im * b.re - a.re * b.im) / squaredModulus,
  };
};

export const exp = (z: Complex): Complex => {
  const radius = Math.exp(z.re);
  return { re: radius * Math.cos(z.im), im: radius * Math.sin(z.im) };
};

/** z^n for an integer n ≥ 0; exact zeros stay zero, so (iκ)³ has no real part. */
export const power = (z: Complex, n: number): Complex => {
  let result = complex(1);
  for (let i = 0; i < n; i++) result = multiply(result, z);
  return result;
};
