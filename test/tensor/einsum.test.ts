import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { array, einsum, grad, sum, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { topologicalOrder } from '../../src/tensor/graph/traverse.ts';
import { key, normal } from '../../src/tensor/random.ts';
import { placeholder } from '../../src/tensor/tensor.ts';
import { evaluateAt, expectClose, floats, numbersAt } from './values.ts';

/** The definition: a sum over all values of all letters. */
function direct(specification: string, tensors: readonly NDArray[]): number[] {
  const [left, output] = specification.split('->');
  const inputs = left.split(',');
  const sizes = new Map(
    inputs.flatMap((letters, i) => [...letters].map((c, axis) => [c, tensors[i].shape[axis]] as const)),
  );
  const letters = [...output, ...[...sizes.keys()].filter((c) => !output.includes(c))];
  const result = new Array<number>([...output].reduce((n, c) => n * (sizes.get(c) as number), 1)).fill(0);
  const total = letters.reduce((n, c) => n * (sizes.get(c) as number), 1);
  for (let flat = 0; flat < total; flat++) {
    const at = new Map<string, number>();
    let rest = flat;
    for (const c of [...letters].reverse()) {
      at.set(c, rest % (sizes.get(c) as number));
      rest = Math.floor(rest / (sizes.get(c) as number));
    }
    const position = (names: string): number =>
      [...names].reduce((p, c) => p * (sizes.get(c) as number) + (at.get(c) as number), 0);
    result[position(output)] += inputs.reduce(
      (product, names, i) => product * tensors[i].data[position(names)],
      1,
    );
  }
  return result;
}

const sizeOfLetter = (c: string): number => 2 + ('abcdef'.indexOf(c) % 3);
const operand = (letters: string, seed: number): NDArray => {
  const shape = [...letters].map(sizeOfLetter);
  return array(
    normal(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );
};

const word = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: max }).map((list) => list.join(''));

test('agrees with the definition on random specifications', () => {
  fc.assert(
    fc.property(
      fc.array(word(3), { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(fc.boolean()),
      fc.nat({ max: 5 }),
      (inputs, keep, turn) => {
        const letters = [...new Set(inputs.join(''))];
        const kept = letters.filter(() => keep.next().value as boolean);
        const output = [
          ...kept.slice(turn % (kept.length || 1)),
          ...kept.slice(0, turn % (kept.length || 1)),
        ].join('');
        const specification = `${inputs.join(',')}->${output}`;
        const tensors = inputs.map((names, i) => operand(names, i + 1));
        expectClose(
          numbersAt((...x) => einsum(specification, ...x), ...tensors),
          direct(specification, tensors),
          1e-12,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test.each([
  ['matrix product', 'ab,bc->ac'],
  ['batched product, transposed result', 'dab,dbc->dca'],
  ['attention scores', 'abcd,aecd->acbe'],
  ['trace', 'aa->'],
  ['diagonal', 'aab->ba'],
  ['outer product', 'a,b->ba'],
  ['inner product', 'ab,ab->'],
  ['batched inner product', 'ab,ab->a'],
  ['three operands', 'ab,bc,cd->ad'],
  ['spectral weights', 'abc,cbd->acd'],
])('%s: %s', (_, specification) => {
  const tensors = specification
    .split('->')[0]
    .split(',')
    .map((letters, i) => operand(letters, i + 1));
  expectClose(
    numbersAt((...x) => einsum(specification, ...x), ...tensors),
    direct(specification, tensors),
    1e-12,
  );
});

test('without an arrow, letters that occur once, in alphabetical order', () => {
  const [a, b] = [operand('ba', 1), operand('bc', 2)];
  expect(evaluateAt((x, y) => einsum('ba, bc', x, y), a, b).shape).toEqual(
    [2, 4].map((_, i) => [a.shape[1], b.shape[1]][i]),
  );
  expect(numbersAt((x) => einsum('aa', x), floats([1, 2, 3, 4], [2, 2]))).toEqual([5]);
});

test('the gradient is the einsum of the others', () => {
  const [a, b] = [operand('ab', 1), operand('bc', 2)];
  const gradient = numbersAt(
    grad((x: Tensor, y: Tensor) => sum(einsum('ab,bc->ac', x, y))),
    a,
    b,
  );
  expectClose(gradient, direct('ab,bc->ab', [{ ...a, data: a.data.map(() => 1) }, b]));
});

test('two operands are one product, without a transpose where the order allows it', () => {
  const names = (tensor: Tensor): string[] => topologicalOrder([tensor]).map((node) => node.op.name);
  const [x, y] = [placeholder([5, 3, 4]), placeholder([5, 4, 2])];
  expect(names(einsum('bij,bjk->bik', x, y))).toEqual(['input', 'input', 'matmul']);
  const swapped = names(einsum('ij,jk->ki', placeholder([3, 4]), placeholder([4, 2])));
  expect(swapped.filter((name) => name === 'matmul')).toHaveLength(1);
});

describe('mistakes', () => {
  const [m, v] = [floats([1, 2, 3, 4, 5, 6], [2, 3]), floats([1, 2])];
  test.each<[string, NDArray[], string]>([
    ['ij,jk->ik', [m], "einsum 'ij,jk->ik': names 2 operands, but 1 were given"],
    ['ijk->i', [m], "'ijk' names 3 axes of operand 0, which has shape [2, 3]"],
    ['ij,j->i', [m, v], "'j' has size 3 and, in operand 1 of shape [2], size 2"],
    ['ij->k', [m], "'k' of the output is in no operand"],
    ['ij->ii', [m], "'i' stands twice in the output"],
    ['i1->i', [m], "'1' is no letter"],
    ['...i->i', [m], "'.' is no letter"],
    ['ij->i->j', [m], "'->' stands more than once"],
    ['ij->i,j', [m], 'the output is one tensor'],
  ])('%s', (specification, tensors, message) => {
    expect(() => numbersAt((...x) => einsum(specification, ...x), ...tensors)).toThrow(message);
  });
});
