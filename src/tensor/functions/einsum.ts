/** Einstein summation through reshape, transpose and matmul. */
import { mul } from '../ops/arithmetic.ts';
import { matmul } from '../ops/matmul.ts';
import { reshape, transpose } from '../ops/shape.ts';
import { sliceAxis } from '../ops/slice.ts';
import { sum } from '../ops/sum.ts';
import { showShape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** A tensor with a letter for each axis. */
interface Labelled {
  readonly x: Tensor;
  readonly letters: string;
}

/**
 * Sums products over the letters that the output lacks: `einsum('bij,bjk->bik', a, b)`. A letter repeated in one operand
 * takes the diagonal; without `->` the output holds the letters that occur once, in alphabetical order (NumPy's rule).
 * Operands are contracted from left to right, each pair as one (batched) matrix product.
 *
 * @throws an Error that quotes the specification if letters, ranks or sizes do not fit.
 */
export function einsum(specification: string, ...tensors: readonly Tensor[]): Tensor {
  const { inputs, output } = parse(specification, tensors);
  const operands = inputs.map((letters, i) => diagonal({ x: tensors[i], letters }));
  let result = operands[0];
  for (let i = 1; i < operands.length; i++) {
    const later = output + operands.slice(i + 1).reduce((all, { letters }) => all + letters, '');
    result = contract(result, operands[i], later);
  }
  const { x, letters } = keepOnly(result, output);
  return transpose(
    x,
    [...output].map((letter) => letters.indexOf(letter)),
  );
}

function parse(specification: string, tensors: readonly Tensor[]): { inputs: string[]; output: string } {
  const fail = (why: string): never => {
    throw new Error(`einsum '${specification}': ${why}`);
  };
  const [left, right, ...more] = specification.replaceAll(' ', '').split('->');
  if (more.length > 0) fail("'->' stands more than once");
  const inputs = left.split(',');
  const wrong = /[^a-zA-Z,]/.exec(left + (right ?? ''))?.[0];
  if (wrong !== undefined) fail(`'${wrong}' is no letter; axes are named a–z and A–Z`);
  if (inputs.length !== tensors.length)
    fail(`names ${inputs.length} operands, but ${tensors.length} were given`);

  const sizes = new Map<string, number>();
  inputs.forEach((letters, i) => {
    const { shape } = tensors[i];
    if (letters.length !== shape.length)
      fail(`'${letters}' names ${letters.length} axes of operand ${i}, which has shape ${showShape(shape)}`);
    [...letters].forEach((letter, axis) => {
      const known = sizes.get(letter) ?? shape[axis];
      if (known !== shape[axis])
        fail(
          `'${letter}' has size ${known} and, in operand ${i} of shape ${showShape(shape)}, size ${shape[axis]}`,
        );
      sizes.set(letter, known);
    });
  });
  const once = [...sizes.keys()].filter((letter) => left.split(letter).length === 2).sort();
  const output = right ?? once.join('');
  for (const letter of output) {
    if (letter === ',') fail('the output is one tensor');
    if (!sizes.has(letter)) fail(`'${letter}' of the output is in no operand`);
    if (output.split(letter).length > 2) fail(`'${letter}' stands twice in the output`);
  }
  return { inputs, output };
}

/** Merges axes of the same letter into their diagonal: a strided slice of the flattened pair. */
function diagonal({ x, letters }: Labelled): Labelled {
  const second = [...letters].findIndex((letter, axis) => letters.indexOf(letter) < axis);
  if (second < 0) return { x, letters };
  const first = letters.indexOf(letters[second]);
  const rest = [...letters].map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const n = x.shape[first];
  const moved = transpose(x, [first, second, ...rest]);
  const flat = reshape(moved, [n * n, ...moved.shape.slice(2)]);
  return diagonal({
    x: sliceAxis(flat, 0, 0, n * n, n + 1),
    letters: letters[first] + rest.map((axis) => letters[axis]).join(''),
  });
}

/** Sums over the axes whose letters are not wanted. */
function keepOnly({ x, letters }: Labelled, wanted: string): Labelled {
  const axes = [...letters].flatMap((letter, axis) => (wanted.includes(letter) ? [] : [axis]));
  if (axes.length === 0) return { x, letters };
  return { x: sum(x, axes), letters: [...letters].filter((letter) => wanted.includes(letter)).join('') };
}

/** The product of two operands, summed over what neither the output nor a later operand needs. */
function contract(first: Labelled, second: Labelled, later: string): Labelled {
  const swap = order(second.letters, first.letters, later) < order(first.letters, second.letters, later);
  const [left, right] = swap ? [second, first] : [first, second];
  const a = keepOnly(left, right.letters + later);
  const b = keepOnly(right, left.letters + later);
  const shared = [...a.letters].filter((letter) => b.letters.includes(letter));
  const batch = shared.filter((letter) => later.includes(letter)).join('');
  const inner = shared.filter((letter) => !later.includes(letter)).join('');
  const rows = without(a.letters, batch + inner);
  const columns = without(b.letters, batch + inner);

  const product = (): Tensor => {
    if (inner === '') return mul(arrange(a, [batch, rows, '']), arrange(b, [batch, '', columns]));
    // Products of single rows with single columns are faster as elementwise products and a sum.
    if (rows === '' && columns === '' && batch !== '') {
      return sum(mul(arrange(a, [batch, inner]), arrange(b, [batch, inner])), 1);
    }
    return batch === ''
      ? matmul(arrange(a, [rows, inner]), arrange(b, [inner, columns]))
      : matmul(arrange(a, [batch, rows, inner]), arrange(b, [batch, inner, columns]));
  };
  const letters = batch + rows + columns;
  const sizeIn = (letter: string): number =>
    a.letters.includes(letter) ? a.x.shape[a.letters.indexOf(letter)] : b.x.shape[b.letters.indexOf(letter)];
  return { x: reshape(product(), [...letters].map(sizeIn)), letters };
}

/** Where the first letter that only `own` has stands in the result; used to spare a transpose. */
function order(own: string, other: string, later: string): number {
  const places = [...without(own, other)]
    .map((letter) => later.indexOf(letter))
    .filter((place) => place >= 0);
  return places.length === 0 ? Infinity : Math.min(...places);
}

const without = (letters: string, removed: string): string =>
  [...letters].filter((letter) => !removed.includes(letter)).join('');

/** Transposes to the order of the groups and flattens each group into one axis. */
function arrange({ x, letters }: Labelled, groups: readonly string[]): Tensor {
  const moved = transpose(
    x,
    [...groups.join('')].map((letter) => letters.indexOf(letter)),
  );
  let axis = 0;
  return reshape(
    moved,
    groups.map((group) => sizeOf(moved.shape.slice(axis, (axis += group.length)))),
  );
}
