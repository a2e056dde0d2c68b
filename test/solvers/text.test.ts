import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileFunction } from '../../solvers/expression.ts';
import { Field } from '../../solvers/field.ts';
import { periodicGrid } from '../../solvers/grid.ts';
import { relativeL2, solve } from '../../solvers/solve.ts';
import { parseEquation } from '../../solvers/text.ts';

const domain = [-10, 10] as const;
const common = {
  domain,
  points: 64,
  initial: 'sin(pi*x/10)+0.3*cos(pi*x/5)',
  times: [0, 0.5],
  step: 0.0125,
} as const;

describe('a PDE as text gives what the built-in equation gives, bit for bit', () => {
  test.each([
    ['u_t = 0.01*u_xx', 'heat', {}],
    ['u_t = -u_x', 'advection', {}],
    ['u_t = -u*u_x + 0.1*u_xx', 'burgers', {}],
    ['u_t = -u*u_x - 0.0025*u_xxx', 'kdv', { dispersion: 0.0025 }],
    ['u_t + u*u_x + u_xxx = 0', 'kdv', {}],
    ['0 = 2 u_t + u u_x*2 + 2 u_xxx', 'kdv', {}],
    ['u_t = -u*u_x - u_xx - u_xxxx', 'kuramotoSivashinsky', {}],
    ['u_t = -(u*u_x + u_xx + (1/2+1/2)*u_xxxx)', 'kuramotoSivashinsky', {}],
  ])('%s is %s', (text, name, parameters) => {
    expect(solve({ ...common, equation: text }).u).toEqual(
      solve({ ...common, equation: name, parameters }).u,
    );
  });
});

describe('the linear part is found whatever the writing, and is then solved exactly', () => {
  test.each([
    ['u_t = (u + u_xx)*2 - 3*u', 2, 2, -1],
    ['u_t - u_xx*pi/pi = 0', 1, 2, 0],
    ['3*u_t = 3*u_xx + u^2*u_x - u_x*u*u', 1, 2, 0],
    ['u_t = e^0*u_xx + sqrt(4)*u - u*cos(0)', 1, 2, 1],
  ])('%s', (text, coefficient, order, reaction) => {
    const bound = parseEquation(text);
    expect(bound.nonlinear).toBeNull();
    const kappa = 1.7;
    expect(bound.symbol({ re: 0, im: kappa }).re).toBeCloseTo(-coefficient * kappa ** order + reaction, 12);
  });
});

test('a reaction term, a source and a quotient are evaluated on the grid: u_t = u − u³ against the logistic solution', () => {
  for (const equation of [
    'u_t = u - u^3',
    'u_t = u*(1-u)*(1+u)',
    'u_t = u - u^5/u^2',
    'u_t = u - u/(1/u^2)',
  ]) {
    const { u } = solve({ equation, domain: [0, 1], points: 4, initial: '0.5', times: [0, 1], step: 0.01 });
    const exact = 1 / Math.sqrt(1 + 3 * Math.exp(-2));
    expect(Math.abs(u[4] - exact), equation).toBeLessThan(1e-9);
  }
  const { u } = solve({
    equation: 'u_t = 2 - sin(0*u)',
    domain: [0, 1],
    points: 4,
    initial: '1',
    times: [0, 3],
    step: 0.5,
  });
  expect(u[4]).toBeCloseTo(7, 12);
});

test('functions, roots and powers of derivatives: u_t = sin(u) + u_x^2/(1+u^2) agrees with a finely stepped Runge–Kutta scheme', () => {
  const points = 32;
  const { u } = solve({
    equation: 'u_t = sin(u) + u_x^2/(1+u^2) + sqrt(1+u^2) + u_xx',
    domain: [0, 2 * Math.PI],
    points,
    initial: '0.3*sin(x)',
    times: [0, 0.1],
    step: 0.005,
  });
  expect(relativeL2(u.subarray(points), explicitReference(points))).toBeLessThan(1e-6);
});

/** The same problem by classical RK4 with derivatives by summing the Fourier series. */
function explicitReference(points: number): Float64Array {
  const slope = (v: Float64Array): Float64Array => {
    const [first, second] = [new Float64Array(points), new Float64Array(points)];
    for (let k = 1; k < points / 2; k++) {
      let [a, b] = [0, 0];
      v.forEach((value, j) => {
        a += (2 / points) * value * Math.cos((2 * Math.PI * k * j) / points);
        b += (2 / points) * value * Math.sin((2 * Math.PI * k * j) / points);
      });
      for (let j = 0; j < points; j++) {
        const [c, s] = [Math.cos((2 * Math.PI * k * j) / points), Math.sin((2 * Math.PI * k * j) / points)];
        first[j] += k * (b * c - a * s);
        second[j] -= k * k * (a * c + b * s);
      }
    }
    return v.map(
      (value, j) =>
        Math.sin(value) + first[j] ** 2 / (1 + value ** 2) + Math.sqrt(1 + value ** 2) + second[j],
    );
  };
  let v = Float64Array.from({ length: points }, (_, j) => 0.3 * Math.sin((2 * Math.PI * j) / points));
  const h = 0.1 / 200;
  const shifted = (k: Float64Array, factor: number) => v.map((value, j) => value + factor * k[j]);
  for (let n = 0; n < 200; n++) {
    const k1 = slope(v);
    const k2 = slope(shifted(k1, h / 2));
    const k3 = slope(shifted(k2, h / 2));
    const k4 = slope(shifted(k3, h));
    v = v.map((value, j) => value + (h / 6) * (k1[j] + 2 * k2[j] + 2 * k3[j] + k4[j]));
  }
  return v;
}

describe('powers', () => {
  const slopeOf = (text: string, initial: number): number => {
    const grid = periodicGrid([0, 1], 4);
    const { symbol, nonlinear } = parseEquation(text);
    const value = nonlinear!(Field.fromValues(grid, new Float64Array(4).fill(initial))).values[0];
    return symbol({ re: 0, im: 0 }).re * initial + value;
  };

  test.each([
    ['u_t = u^1000000000', 1, 1],
    ['u_t = u^1000000000', 0.999, 0],
    ['u_t = u^1000000001', -1, -1],
    ['u_t = (2*u^3)^2', 1.5, 4 * 1.5 ** 6],
    ['u_t = (u + 1)^6', 0.5, 1.5 ** 6],
    ['u_t = (u + 1)^1000', 0.001, 1.001 ** 1000],
    ['u_t = (1 + u)^2*u^0', 2, 9],
    ['u_t = (u^3)^-2', 2, 2 ** -6],
  ])('%s at u = %d is %d', (text, initial, expected) => {
    expect(slopeOf(text, initial)).toBeCloseTo(expected, 10);
  });
});

test('named constants take their values from parameters', () => {
  const named = parseEquation('u_t = -u*u_x + nu*u_xx', { nu: 0.1 });
  expect(named.symbol({ re: 0, im: 2 }).re).toBeCloseTo(-0.4, 15);
  expect(() => parseEquation('u_t = nu*u_xx', { u: 1 })).toThrow('cannot name a constant');
  expect(() => parseEquation('u_t = nu*u_xx', { nu: Infinity })).toThrow('must be a finite number');
});

describe('refused, with the reason', () => {
  test.each([
    ['u_tt = u_xx', 'higher order in time'],
    ['u_t = u_xt', 'mixes derivatives'],
    ['u_t = u_tx', 'mixes derivatives'],
    ['u_t = u_yy', 'second dimension'],
    ['u_t = x*u_x', 'depends on x'],
    ['u_t = sin(t)*u', 'depends on t'],
    ['u_t = nu*u_xx', 'the name "nu" is not known'],
    ['u_t = -u*ux', 'write u_x'],
    ['du/dt = u_xx', 'write the time derivative as u_t'],
    ['u_xx = u', 'has no u_t'],
    ['u*u_t = u_xx', 'must stand alone'],
    ['u_t = sin(u_t)', 'must stand alone'],
    ['u_t', 'one equals sign'],
    ['u_t = u = 1', 'one equals sign'],
    ['u_t >= u_xx', 'one equals sign'],
    ['u_t = -u_xx', 'ill-posed'],
    ['u_t = u_xxxx', 'ill-posed'],
    ['u_t = u_xx +', 'cannot be read'],
    ['u_t = ', 'is empty'],
    ['u_t = u^u', 'exponent must be a number'],
    ['u_t = u/0', 'division by zero'],
    ['u_t = import("fs")', 'the function "import" is not known'],
    ['u_t = u(u_x)', 'the function "u" is not known'],
    ['u_t = constructor(1)', 'the function "constructor" is not known'],
    ['u_t = [u, 1]', 'not allowed'],
    ['u_t = u.x', 'not allowed'],
    ['u_t = "u"', 'not allowed'],
    ['u_t = (f(x) = u)', 'one equals sign'],
    ['u_t = u; u', 'not allowed'],
    ['u_t = u > 1 ? 1 : 2', 'one equals sign|not allowed'],
    ['u_t = u!', 'not allowed'],
    [`u_t = ${'('.repeat(900)}u${')'.repeat(900)}`, 'at most 1000'],
    ['u_t = u_xxxxxxxxxxxxx', 'at most 12'],
    ['u_t = (2*u)^1000000000', '2\\^1000000000 is beyond the range of double precision'],
    ['u_t = (u/2)^1000000000', '0.5\\^1000000000 is beyond the range of double precision'],
    ['u_t = sqrt(-1)*u', 'the coefficient NaN'],
    ['u_t = 1e300*1e300*u_x', 'the coefficient Infinity'],
    ['u_t = (u^1e200)^1e200', 'the exponent Infinity'],
  ])('%s', (text, reason) => {
    expect(() => parseEquation(text)).toThrow(new RegExp(reason));
  });
});

test('whatever the text, the answer is an equation or an Error of one line', () => {
  const pieces = fc.constantFrom(
    'u',
    'u_x',
    'u_xx',
    'u_t',
    '+',
    '-',
    '*',
    '/',
    '^',
    '(',
    ')',
    '2',
    '0',
    '=',
    'sin',
    'x',
    ' ',
    '.',
    'e',
    'pi',
    ';',
    '[',
    '"',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      try {
        parseEquation('u_t = ' + parts.join(''));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(TypeError);
        expect(error).not.toBeInstanceOf(RangeError);
        expect((error as Error).message.split('\n')).toHaveLength(1);
      }
    }),
    { numRuns: 500 },
  );
});

test('text of an initial condition: value, precedence, functions, refusals', () => {
  const f = (text: string) => compileFunction(text, 'x', 'the initial condition');
  expect(f('cos(pi*x)')(0.25)).toBeCloseTo(Math.SQRT1_2, 15);
  expect(f('-x^2 + 2 x')(3)).toBe(-3);
  expect(f('exp(-100*(x-0.5)^2)/2')(0.5)).toBe(0.5);
  expect(f('2^3^2')(0)).toBe(512);
  expect(f('12*sech(x)^2')(0)).toBe(12);
  expect(() => f('cos(pi*y)')).toThrow('unknown name "y"');
  expect(() => f('evaluate("1")')).toThrow('not known');
  expect(() => f('')).toThrow('is empty');
});
