/**
 * The generic suite: every op of the registry × every example × every transform × every engine that runs here. An op is
 * covered by being defined; nothing is listed by hand.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { allOps, compile, spec } from '../../src/tensor/index.ts';
import { array, isFloat, type FloatDType, type NDArray } from '../../src/tensor/array.ts';
import type { EngineName } from '../../src/tensor/engines/engine.ts';
import { defineOp, type OpDefinition } from '../../src/tensor/op.ts';
import { pullback, vjp } from '../../src/tensor/transforms/reverse.ts';
import { placeholder, withTraceContext, type Tensor } from '../../src/tensor/tensor.ts';
import { compatibilityTable } from './compatibility.ts';
import { dot, moved, relativeError } from './examples.ts';
import {
  allTransforms,
  applyTo,
  argumentDType,
  argumentsOf,
  BATCH,
  casesOf,
  ofFloats,
  pick,
  runReference,
  structuralOps,
  subsetName,
  subsets,
  type Case,
} from './sweep.ts';

const EPSILON = 1e-6;
/** Central differences in float64 lose about half of the digits. */
const DIFFERENCE_TOLERANCE = 2e-7;

const engines: { engine: EngineName; dtype: FloatDType; tolerance: number }[] = [
  { engine: 'onnx', dtype: 'float64', tolerance: 1e-12 },
  { engine: 'onnx', dtype: 'float32', tolerance: 1e-5 },
  { engine: 'tfjs', dtype: 'float32', tolerance: 1e-5 },
];

const reference = new Map<Case, Record<string, NDArray>>();
const cases = new Map<OpDefinition, Case[]>();

function casesOnce(op: OpDefinition): Case[] {
  const known = cases.get(op) ?? casesOf(op);
  cases.set(op, known);
  return known;
}

/** All transforms of an example by the reference evaluator, computed once. */
function expectedOf(c: Case): Record<string, NDArray> {
  const known = reference.get(c) ?? runReference((...args) => allTransforms(c, args), argumentsOf(c));
  reference.set(c, known);
  return known;
}

const swept = allOps().filter((op) => !structuralOps.includes(op.name));

describe.each(swept.map((op) => [op.name, op] as const))('op %s', (name, op) => {
  const differentiable = casesOnce(op).filter((c) => c.differentiable);

  test.each(engines)('$engine $dtype agrees with the reference on all transforms', async (setting) => {
    const { engine, dtype, tolerance } = setting;
    const all = casesOnce(op);
    const args = all.map((c) => argumentsOf(c));
    const program = await compile(
      (...given: Tensor[][]) => all.map((c, i) => allTransforms(c, given[i])),
      args.map((list) => list.map((value) => spec(value.shape, argumentDType(value, dtype)))),
      { engine, dtype, threads: 1 },
    );
    const results = (await program.run(args)) as unknown as Record<string, NDArray>[];
    await program.dispose();
    all.forEach((c, i) => {
      const expected = expectedOf(c);
      expect(Object.keys(results[i])).toEqual(Object.keys(expected));
      for (const [transform, value] of Object.entries(expected)) {
        const where = `${engine} ${dtype}: ${transform} of ${name}, ${c.label}`;
        expect(results[i][transform].shape, where).toEqual(value.shape);
        expect(relativeError(results[i][transform], value), where).toBeLessThan(
          isFloat(value.dtype) ? tolerance : Number.MIN_VALUE,
        );
      }
    });
  });

  test('vmap equals a loop for every subset of batched inputs', () => {
    for (const c of casesOnce(op)) {
      for (const flags of subsets(c.x.length)) {
        const whole = expectedOf(c)[subsetName(flags)];
        for (let row = 0; row < BATCH; row++) {
          const inputs = flags.map((flag, i) => (flag ? c.rows[row][i] : c.x[i]));
          const { value } = runReference((...args) => ({ value: applyTo(op, c.example, args) }), inputs);
          const where = `${subsetName(flags)} of ${name}, ${c.label}, row ${row}`;
          expect(whole.shape, where).toEqual([BATCH, ...value.shape]);
          expect(relativeError(rowOf(whole, row), value), where).toBeLessThan(1e-13);
        }
      }
    }
  });

  if (differentiable.length > 0) {
    test('vjp agrees with central differences', () => {
      for (const c of differentiable) {
        c.floats.forEach((input) => {
          const actual = expectedOf(c)[`vjp ${input}`];
          const differences = Float64Array.from(c.x[input].data, (_, element) => {
            const [up, down] = [EPSILON, -EPSILON].map((step) => {
              const unit = { ...c.x[input], data: Float64Array.from(c.x[input].data, () => 0) };
              unit.data[element] = 1;
              const inputs = c.x.map((value, i) => (i === input ? moved(value, unit, step) : value));
              const f = runReference((...args) => ({ value: applyTo(op, c.example, args) }), inputs);
              return dot(f.value, c.cotangent).value;
            });
            return (up - down) / (2 * EPSILON);
          });
          const error = relativeError(actual, array(differences, actual.shape), 1);
          expect(error, `vjp of ${name}, ${c.label}, input ${input}`).toBeLessThan(DIFFERENCE_TOLERANCE);
        });
      }
    });

    test('jvp is the transpose of vjp', () => {
      for (const c of differentiable) {
        const expected = expectedOf(c);
        const forward = dot(expected['jvp'], c.cotangent);
        const parts = c.floats.map((input, k) => dot(expected[`vjp ${input}`], c.tangents[k]));
        const backward = parts.reduce((total, part) => total + part.value, 0);
        const scale = parts.reduce((total, part) => total + part.scale, forward.scale) || 1;
        expect(Math.abs(forward.value - backward) / scale, `${name}, ${c.label}`).toBeLessThan(1e-12);
      }
    });

    test('the derivative of the vjp agrees with central differences of the vjp', () => {
      for (const c of differentiable) {
        const pullAt = (step: number): Record<string, NDArray> =>
          runReference(
            (...args) => {
              const f = ofFloats(c, args.slice(0, c.x.length));
              const parts = vjp(f, ...pick(args, c.floats))[1](args[args.length - 1]);
              return Object.fromEntries(parts.map((part, k) => [String(c.floats[k]), part]));
            },
            [
              ...c.x.map((value, i) =>
                c.floats.includes(i) ? moved(value, c.tangents[c.floats.indexOf(i)], step) : value,
              ),
              moved(c.cotangent, c.cotangentTangent, step),
            ],
          );
        const [up, down] = [pullAt(EPSILON), pullAt(-EPSILON)];
        for (const input of c.floats) {
          const actual = expectedOf(c)[`jvp of vjp ${input}`];
          const differences = Float64Array.from(
            up[input].data,
            (value, i) => (value - down[input].data[i]) / (2 * EPSILON),
          );
          const error = relativeError(actual, array(differences, actual.shape), 1);
          expect(error, `${name}, ${c.label}, input ${input}`).toBeLessThan(DIFFERENCE_TOLERANCE);
        }
      }
    });
  }

  if (op.vjp === 'none') {
    test('has no derivative', () => {
      for (const c of casesOnce(op)) {
        withTraceContext({ dtype: 'float64' }, () => {
          const inputs = c.x.map((value) => placeholder(value.shape, value.dtype));
          const output = applyTo(op, c.example, inputs);
          const cotangent = placeholder(output.shape, output.dtype);
          expect(pullback([output], [cotangent], inputs)).toEqual(inputs.map(() => null));
        });
      }
    });
  }
});

const rowOf = ({ data, shape, dtype }: NDArray, row: number): NDArray => {
  const size = data.length / shape[0];
  return { data: data.slice(row * size, (row + 1) * size), shape: shape.slice(1), dtype };
};

describe('the registry', () => {
  test('every op carries examples', () => {
    expect(swept.filter((op) => op.examples.length === 0).map((op) => op.name)).toEqual([]);
  });

  test('every differentiable op has an example that differentiates it', () => {
    const untested = swept.filter((op) => op.vjp !== 'none' && !casesOnce(op).some((c) => c.differentiable));
    // A cast to integers or from booleans has no derivative; from float to float it is the identity at one precision.
    expect(untested.map((op) => op.name).filter((name) => name !== 'cast')).toEqual([]);
  });

  test('a second op of the same name is refused', () => {
    expect(() => defineOp(swept[0])).toThrow(`op '${swept[0].name}' is defined twice`);
  });

  test('docs/tensor-core.md holds the table of all ops (UPDATE_DOCS=1 writes it)', () => {
    const file = new URL('../../docs/tensor-core.md', import.meta.url);
    const text = readFileSync(file, 'utf8');
    const [before, , after] = text.split(/<!-- ops -->\n|\n<!-- end of ops -->/);
    const expected = `${before}<!-- ops -->\n${compatibilityTable()}\n<!-- end of ops -->${after}`;
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, expected);
    else expect(text).toBe(expected);
  });
});
