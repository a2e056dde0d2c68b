import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readableJson } from '../../src/runs/disk.ts';

test('lists of numbers stand on one line, everything else on lines of its own', () => {
  expect(
    readableJson({ name: 'a', curves: { x: [1, -2.5e-7, null, 3] }, none: [], words: ['[ 1, 2 ]', '3'] }),
  ).toBe(
    `{
  "name": "a",
  "curves": {
    "x": [1, -2.5e-7, null, 3]
  },
  "none": [],
  "words": [
    "[ 1, 2 ]",
    "3"
  ]
}`,
  );
  expect(readableJson([[1, 2], [3]])).toBe('[\n  [1, 2],\n  [3]\n]');
});

test('what is read back is what was written', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('[\n  1,\n  2\n]', '[ 1 ]', '\\n', '1,\n 2'),
  );
  const tree = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.double({ noDefaultInfinity: true, noNaN: true }),
      fc.constant(null),
      text,
      fc.boolean(),
      fc.array(fc.double({ noDefaultInfinity: true, noNaN: true })),
      fc.array(tie('value')),
      fc.dictionary(text, tie('value')),
    ),
  })).value;
  fc.assert(
    fc.property(tree, (value) => {
      expect(JSON.parse(readableJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 500 },
  );
});

test('what JSON does not know is written as JSON.stringify does, and long lists are no matter', () => {
  const odd = { gone: undefined, nan: NaN, when: new Date(0), list: [undefined, 1], empty: {} };
  expect(JSON.parse(readableJson(odd))).toEqual(JSON.parse(JSON.stringify(odd)));
  expect(readableJson({ empty: {} })).toBe(JSON.stringify({ empty: {} }, null, 2));
  expect(readableJson(new Float64Array(0))).toBe('{}');
  const long = Array.from({ length: 3_000_000 }, (_, i) => i);
  expect(readableJson(long).split('\n')).toHaveLength(1);
});
