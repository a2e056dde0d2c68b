import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cholesky,
  compile,
  determinant,
  determinantSign,
  grad,
  inverse,
  logAbsDeterminant,
  matmul,
  mul,
  slogdet,
  solve,
  spec,
  sub,
  sum,
  transpose,
  triangularSolve,
  type Tensor,
} from '../../src/tensor/index.ts';
import { placeholder } from '../../src/tensor/tensor.ts';
import { relativeError } from './examples.ts';
import { evaluateAt, expectClose, floats, numberAt, numbersAt, normals as random } from './values.ts';

/** Matrices as random numbers give them: elimination without pivoting would lose digits on some. */
const seeds = fc.nat({ max: 10_000 });
const sizes = fc.integer({ min: 1, max: 8 });

describe('identities', () => {
  test('A · solve(A, B) = B', () => {
    fc.assert(
      fc.property(seeds, sizes, fc.integer({ min: 1, max: 3 }), (seed, n, k) => {
        const [a, b] = [random(seed, [2, n, n]), random(seed + 1, [2, n, k])];
        fc.pre(Math.min(...numbersAt(determinant, a).map(Math.abs)) > 1e-3);
        expect(
          relativeError(
            evaluateAt((x, y) => matmul(x, solve(x, y)), a, b),
            b,
          ),
        ).toBeLessThan(1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test('the inverse of the inverse is the matrix', () => {
    const a = random(1, [5, 6, 6]);
    expect(
      relativeError(
        evaluateAt((x) => inverse(inverse(x)), a),
        a,
      ),
    ).toBeLessThan(1e-10);
  });

  test('L Lᵀ = A, with L lower triangular', () => {
    const g = random(2, [3, 7, 7]);
    const spd = evaluateAt((x) => matmul(x, transpose(x)), g);
    const l = evaluateAt(cholesky, spd);
    expect(
      relativeError(
        evaluateAt((x) => matmul(x, transpose(x)), l),
        spd,
      ),
    ).toBeLessThan(1e-12);
    l.data.forEach((value, i) => {
      const [row, column] = [Math.floor(i / 7) % 7, i % 7];
      if (column > row) expect(value).toBe(0);
    });
  });

  test('the determinant is multiplicative and alternating', () => {
    const [a, b] = [random(3, [4, 5, 5]), random(4, [4, 5, 5])];
    expectClose(
      numbersAt((x, y) => determinant(matmul(x, y)), a, b),
      numbersAt((x, y) => mul(determinant(x), determinant(y)), a, b),
      1e-10,
    );
    expect(numberAt(determinant, floats([0, 1, 1, 0], [2, 2]))).toBe(-1);
    expectClose(numbersAt(determinant, floats([1, 2, 3, 4], [2, 2])), [-2]);
    expectClose(numbersAt(determinant, floats([2, 0, 0, 0, 0, 3, 0, 5, 0], [3, 3])), [-30]);
  });

  test('triangular solves read one triangle only', () => {
    const [full, b] = [random(5, [4, 4]), random(6, [4, 2])];
    for (const lower of [true, false]) {
      const other = {
        ...full,
        data: full.data.map((value, i) =>
          Math.floor(i / 4) === i % 4 || Math.floor(i / 4) > i % 4 === lower ? value : NaN,
        ),
      };
      for (const transposed of [true, false]) {
        const x = evaluateAt((t, y) => triangularSolve(t, y, { lower, transpose: transposed }), other, b);
        const triangle = { ...full, data: other.data.map((value) => (Number.isNaN(value) ? 0 : value)) };
        const back = evaluateAt((t, y) => matmul(transposed ? transpose(t) : t, y), triangle, x);
        expect(relativeError(back, b), `lower ${lower}, transpose ${transposed}`).toBeLessThan(1e-10);
      }
    }
  });

  test('the gradient of cholesky is symmetric', () => {
    const spd = evaluateAt((x) => matmul(x, transpose(x)), random(7, [4, 4]));
    const asymmetry = evaluateAt((a) => {
      const gradient = grad((x: Tensor) => sum(mul(cholesky(x), cholesky(x))))(a);
      return sub(gradient, transpose(gradient));
    }, spd);
    expectClose(asymmetry.data, new Float64Array(16), 1e-12);
  });

  test('d log|det A| / dA = A⁻ᵀ', () => {
    const a = random(8, [3, 3]);
    expectClose(
      numbersAt(grad(logAbsDeterminant), a),
      numbersAt((x) => transpose(inverse(x)), a),
      1e-11,
    );
  });
});

describe('engines', () => {
  test.each([
    ['float64', 1e-10],
    ['float32', 1e-2],
  ] as const)('unrolled elimination with pivoting, n = 16, onnx %s', async (dtype, tolerance) => {
    const a = random(9, [8, 16, 16]);
    const b = random(10, [8, 16, 2]);
    const f = (x: Tensor, y: Tensor): Tensor[] => [
      solve(x, y),
      inverse(x),
      slogdet(x).sign,
      slogdet(x).logAbs,
    ];
    const program = await compile(f, [spec([8, 16, 16]), spec([8, 16, 2])], { dtype });
    const results = await program.run([a, b]);
    await program.dispose();
    results.forEach((result, i) => {
      const expected = evaluateAt((x, y) => f(x, y)[i], a, b);
      expect(relativeError(result, expected), `output ${i}`).toBeLessThan(tolerance);
    });
  });

  test.each(['onnx', 'tfjs'] as const)('%s: rows whose pivot is zero are exchanged', async (engine) => {
    const a = floats([0, 2, 0, 0, 0, 3, 4, 0, 0], [3, 3]);
    const program = await compile(
      (x: Tensor) => [inverse(x), determinantSign(x), logAbsDeterminant(x)],
      [spec([3, 3])],
      { engine },
    );
    const [inverted, sign, logAbs] = await program.run([a]);
    await program.dispose();
    expectClose(inverted.data, [0, 0, 0.25, 0.5, 0, 0, 0, 1 / 3, 0], 1e-6);
    expect([...sign.data]).toEqual([1]);
    expectClose(logAbs.data, [Math.log(24)], 1e-6);
  });
});

describe('matrices without an answer', () => {
  const singular = floats([1, 2, 2, 4], [2, 2]);
  const deficient = floats([0, 1, 0, 2], [2, 2]);

  test.each(['onnx', 'tfjs', 'reference'] as const)(
    '%s: singular and indefinite matrices',
    async (engine) => {
      const f = (x: Tensor): Tensor[] => [
        determinantSign(x),
        logAbsDeterminant(x),
        determinant(x),
        inverse(x),
      ];
      const program = await compile(f, [spec([2, 2])], { engine });
      for (const matrix of [singular, deficient]) {
        const [sign, logAbs, det, inverted] = await program.run([matrix]);
        expect([sign.data[0], logAbs.data[0], det.data[0]].map((x) => x + 0)).toEqual([0, -Infinity, 0]);
        expect([...inverted.data].some((x) => !Number.isFinite(x))).toBe(true);
      }
      await program.dispose();

      const factor = await compile((x: Tensor) => cholesky(x), [spec([2, 2])], { engine });
      const { data } = await factor.run([floats([1, 2, 2, 1], [2, 2])]);
      await factor.dispose();
      expect(data[3]).toBeNaN();
    },
  );

  test.each<[string, (x: Tensor, y: Tensor) => Tensor, string]>([
    ['inverse', (x) => inverse(x), 'inverse: the matrix has shape [2, 3], expected [..., n, n] with n ≥ 1'],
    ['cholesky', (x) => cholesky(x), 'cholesky: the matrix has shape [2, 3]'],
    ['determinant', (x) => determinant(x), 'determinantSign: the matrix has shape [2, 3]'],
    [
      'solve',
      (_, y) => solve(y, placeholder([3])),
      'solve: the right-hand side has shape [3], expected [..., 2, k]; give a vector as a column',
    ],
  ])('%s of a wrong shape', (_, f, message) => {
    expect(() => numbersAt(f, floats([1, 2, 3, 4, 5, 6], [2, 3]), floats([1, 2, 3, 4], [2, 2]))).toThrow(
      message,
    );
  });
});
