import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  array,
  compile,
  grad,
  mul,
  specsOf,
  sum,
  square,
  type NDArray,
  type Tensor,
} from '../../src/tensor/index.ts';
import { key, normal, permutation } from '../../src/tensor/random.ts';
import { gno, mgno } from '../../src/operators/index.ts';
import {
  edgeAttributes,
  inGroups,
  kernelIntegral,
  ringGraph,
  throughMatrices,
  throughMoments,
  type Graph,
} from '../../src/operators/graph.ts';
import { multipoleGraphs } from '../../src/operators/mgno.ts';
import { enlarge, evaluate, expectClose, field } from './evaluate.ts';
import { affine, perceptron, type Affine } from './plain.ts';

interface Kernel {
  readonly local: Affine;
  readonly kernel: readonly Affine[];
}

/** W v_i + b + mean over the edges j → i of κ(a_i, a_j) v_j, edge by edge. */
function literalIntegral(
  p: Kernel,
  { nodes, sources, targets }: Graph,
  attributes: readonly (readonly number[])[],
  v: readonly (readonly number[])[],
): number[][] {
  return Array.from({ length: nodes }, (_, i) => {
    const edges = [...targets.keys()].filter((e) => targets[e] === i);
    const out = affine(p.local, v[i]);
    for (const e of edges) {
      const j = sources[e];
      const matrix = perceptron(p.kernel, [...attributes[i], ...attributes[j]]);
      for (let o = 0; o < out.length; o++) {
        for (let c = 0; c < out.length; c++) {
          out[o] += (matrix[c * out.length + o] * v[j][c]) / edges.length;
        }
      }
    }
    return out;
  });
}

const random = (seed: number, shape: readonly number[]): NDArray =>
  array(
    normal(
      key(seed),
      shape.reduce((a, b) => a * b, 1),
    ),
    shape,
  );

const rowsOf = ({ data, shape }: NDArray): number[][] =>
  Array.from({ length: data.length / shape[shape.length - 1] }, (_, i) =>
    Array.from({ length: shape[shape.length - 1] }, (_, j) => data[i * shape[shape.length - 1] + j]),
  );

/** An integral on one sample, as a function of parameters, node attributes and field. */
const integralOn =
  (graph: Graph, applications: number) =>
  (p: never, attributes: Tensor, v: Tensor): Tensor =>
    kernelIntegral.prepare(p, graph, edgeAttributes(graph, attributes), applications)(v);

async function run(
  f: (p: never, attributes: Tensor, v: Tensor) => unknown,
  inputs: readonly unknown[],
): Promise<NDArray> {
  const program = await compile(f as never, inputs.map((input) => specsOf(input)) as never, {
    dtype: 'float64',
  });
  const result = await program.run(inputs as never);
  await program.dispose();
  return result as NDArray;
}

describe('kernel integral', () => {
  const width = 3;
  const parameters = enlarge(kernelIntegral.init(key(1), { attributes: 4, hidden: 5, width }), 2);

  test.each([1, 9])('is the sum of the definition, by whichever way (%i applications)', async (n) => {
    const graph = ringGraph(7, () => [-2, -1, 0, 3]);
    const [attributes, v] = [random(2, [1, 7, 2]), random(3, [1, 7, width])];
    const actual = await run(integralOn(graph, n), [parameters, attributes, v]);
    const expected = literalIntegral(parameters as Kernel, graph, rowsOf(attributes), rowsOf(v)).flat();
    expectClose(actual.data, expected, 1e-12);
  });

  test('is so on any graph: repeated, missing and unordered edges', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }).chain((nodes) => {
          const node = fc.nat(nodes - 1);
          return fc.record({
            nodes: fc.constant(nodes),
            edges: fc.array(fc.tuple(node, node), { minLength: 1, maxLength: 12 }),
          });
        }),
        async ({ nodes, edges }) => {
          const graph = {
            nodes,
            sources: Int32Array.from(edges, ([j]) => j),
            targets: Int32Array.from(edges, ([, i]) => i),
          };
          const [attributes, v] = [random(4, [1, nodes, 2]), random(5, [1, nodes, width])];
          const actual = await run(integralOn(graph, 1), [parameters, attributes, v]);
          const expected = literalIntegral(parameters, graph, rowsOf(attributes), rowsOf(v));
          expectClose(actual.data, expected.flat(), 1e-12);
        },
      ),
      // Three edges for two nodes: in order, but not equally many.
      {
        numRuns: 15,
        examples: [
          [
            {
              nodes: 2,
              edges: [
                [0, 0],
                [0, 0],
                [0, 1],
              ],
            },
          ],
        ],
      },
    );
  });

  test('both ways have the same gradient', async () => {
    const graph = ringGraph(6, () => [-1, 0, 1]);
    const [attributes, v] = [random(6, [2, 6, 2]), random(7, [2, 6, width])];
    const gradientOf = (way: typeof throughMatrices) =>
      run(
        (p: { kernel: never }, a: Tensor, x: Tensor) =>
          grad((q: { kernel: never; x: Tensor }) =>
            sum(square(way(q.kernel, graph, edgeAttributes(graph, a))(q.x))),
          )({ kernel: p.kernel, x }),
        [parameters, attributes, v],
      ) as unknown as Promise<{ kernel: Affine[]; x: NDArray }>;
    const [general, moments] = await Promise.all([
      gradientOf(throughMatrices),
      gradientOf((kernel, g, a) => throughMoments(kernel, g, 3, a)),
    ]);
    const flat = ({ kernel, x }: { kernel: Affine[]; x: NDArray }): number[] =>
      [x, ...kernel.flatMap(({ weight, bias }) => [weight, bias])].flatMap(({ data }) => Array.from(data));
    expectClose(flat(moments), flat(general), 1e-11);
  });

  test('does not know the names of the nodes: renumbering them renumbers the result', async () => {
    const graph = ringGraph(8, () => [-1, 1, 2]);
    const order = permutation(key(8), 8);
    const place = Array.from(order, (_, i) => order.indexOf(i));
    const renumbered = {
      nodes: 8,
      sources: graph.sources.map((j) => place[j]),
      targets: graph.targets.map((i) => place[i]),
    };
    const [attributes, v] = [random(9, [1, 8, 2]), random(10, [1, 8, width])];
    const shuffled = (x: NDArray): NDArray => array(Array.from(order, (i) => rowsOf(x)[i]).flat(), x.shape);
    const straight = await run(integralOn(graph, 1), [parameters, attributes, v]);
    const other = await run(integralOn(renumbered, 1), [parameters, shuffled(attributes), shuffled(v)]);
    expectClose(other.data, shuffled(straight).data, 1e-12);
  });

  test('a node that hears another twice is refused', () => {
    expect(() => ringGraph(4, () => [-2, 2])).toThrow(/node 0 of 4 hears 2, 2; expected each once/);
  });
});

test('in groups of samples, value and gradient stay what they are', async () => {
  const f = (w: Tensor, u: Tensor): Tensor => square(mul(w, u));
  const of = (g: typeof f) => (w: never, u: Tensor) => ({
    value: g(w, u),
    gradient: grad((x: Tensor) => sum(square(g(x, u))))(w),
  });
  const inputs = [random(31, [3]), random(32, [5, 3])];
  const results = await Promise.all(
    [f, inGroups(f, 3, 6)].map(
      (g) => run(of(g) as never, inputs) as unknown as Promise<Record<string, NDArray>>,
    ),
  );
  expectClose(results[1]['value'].data, results[0]['value'].data, 1e-15);
  expectClose(results[1]['gradient'].data, results[0]['gradient'].data, 1e-14);
});

describe('gno', () => {
  const options = { width: 3, kernelWidth: 4, depth: 3, radius: 0.2 };

  test.each([12, 22])('is its definition, s = %i', async (s) => {
    const operator = gno.create(options);
    const parameters = enlarge(operator.init(key(11)), 2);
    const u = field(12, 1, s);
    const actual = await evaluate((p: never, x: Tensor) => operator.apply(p, x), parameters, u);

    const p = parameters;
    const distance = (i: number, j: number): number => Math.min((i - j + s) % s, (j - i + s) % s) / s;
    const pairs = Array.from({ length: s * s }, (_, e) => [Math.floor(e / s), e % s]).filter(
      ([i, j]) => distance(i, j) <= options.radius,
    );
    const graph = {
      nodes: s,
      targets: Int32Array.from(pairs, ([i]) => i),
      sources: Int32Array.from(pairs, ([, j]) => j),
    };
    const nodes = Array.from({ length: s }, (_, i) => [i / s, u.data[i]]);
    let v = nodes.map((node) => affine(p.lift, node));
    for (let round = 0; round < options.depth; round++) {
      v = literalIntegral(p.integral, graph, nodes, v).map((row) => row.map((x) => Math.max(x, 0)));
    }
    expectClose(
      actual,
      v.map((row) => affine(p.head, row)[0]),
      1e-12,
    );
  });

  test('outputs converge as the grid is refined', async () => {
    const operator = gno.create(options);
    const parameters = enlarge(operator.init(key(13)), 2);
    const at16 = async (s: number): Promise<number[]> => {
      const u = Float64Array.from({ length: s }, (_, i) => 0.3 + Math.sin((2 * Math.PI * i) / s));
      const values = await evaluate(
        (p: never, x: Tensor) => operator.apply(p, x),
        parameters,
        array(u, [1, s, 1]),
      );
      return Array.from({ length: 16 }, (_, i) => values[(i * s) / 16]);
    };
    const finest = await at16(1024);
    const errors = await Promise.all(
      [32, 128, 512].map(async (s) => Math.hypot(...(await at16(s)).map((v, i) => v - finest[i]))),
    );
    expect(errors[1]).toBeLessThan(errors[0] / 2);
    expect(errors[2]).toBeLessThan(errors[1] / 2);
    expect(errors[2]).toBeLessThan(0.01 * Math.hypot(...finest));
  });

  test('says when a point has no neighbours', () => {
    expect(() => gno.create().checkResolution(9)).toThrow(
      /resolution 9: no neighbour within the radius 0.1; expected at least 10 points/,
    );
    expect(() => gno.create().checkResolution(10)).not.toThrow();
    expect(() => gno.create({ radius: 0.5 }).checkResolution(2)).toThrow(/at least 3 points/);
  });

  test('says when the kernel would not fit into memory', () => {
    expect(() => gno.create().checkResolution(2048)).not.toThrow();
    expect(() => gno.create().checkResolution(4096)).toThrow(
      /3354624 edges .* 12.8 GiB .* expected at most 4/,
    );
    expect(() => gno.create({ kernelWidth: 64 }).checkResolution(4096)).not.toThrow();
  });
});

describe('mgno', () => {
  test.each([4, 8, 64])('every pair of %i points meets at exactly one level', (s) => {
    const { near, interactions } = multipoleGraphs(s, 20);
    const meetings = new Float64Array(s * s);
    near.sources.forEach((j, e) => meetings[near.targets[e] * s + j]++);
    interactions.forEach((graph, l) =>
      graph.sources.forEach((j, e) => {
        // All points under the one node with all points under the other.
        for (let a = graph.targets[e] << l; a < (graph.targets[e] + 1) << l; a++) {
          for (let b = j << l; b < (j + 1) << l; b++) meetings[a * s + b]++;
        }
      }),
    );
    meetings.forEach((count, at) => {
      if (count !== (at % s === Math.floor(at / s) ? 0 : 1)) expect.fail(`pair ${at} meets ${count} times`);
    });
    expect(interactions).toHaveLength(Math.log2(s) - 1);
  });

  const options = { width: 3, kernelWidth: 16, depth: 2, levels: 3 };
  type Parameters = { lift: Affine; near: Kernel; interactions: Kernel[]; head: Affine };

  /** The V-cycles of the definition on nodes (x, u). */
  function literal(p: Parameters, nodes: number[][]): number[] {
    const s = nodes.length;
    const halve = (rows: number[][]): number[][] =>
      Array.from({ length: rows.length / 2 }, (_, i) =>
        rows[2 * i].map((value, c) => (value + rows[2 * i + 1][c]) / 2),
      );
    const relu = (rows: number[][]): number[][] => rows.map((row) => row.map((x) => Math.max(x, 0)));
    const plus = (a: number[][], b: number[][]): number[][] =>
      a.map((row, i) => row.map((x, c) => x + b[i][c]));
    const ring = (n: number, met: (i: number, j: number) => boolean): Graph => {
      const pairs = Array.from({ length: n * n }, (_, e) => [Math.floor(e / n), e % n]).filter(([i, j]) =>
        met(i, j),
      );
      return {
        nodes: n,
        targets: Int32Array.from(pairs, ([i]) => i),
        sources: Int32Array.from(pairs, ([, j]) => j),
      };
    };
    const apart = (i: number, j: number, n: number): number => Math.min((i - j + n) % n, (j - i + n) % n);

    let v = nodes.map((node) => affine(p.lift, node));
    for (let cycle = 0; cycle < options.depth; cycle++) {
      const up = (w: number[][], a: number[][], l: number): number[][] => {
        const n = w.length;
        const graph = ring(n, (i, j) => apart(i, j, n) >= 2 && apart(i >> 1, j >> 1, n / 2) <= 1);
        let here = literalIntegral(p.interactions[l], graph, a, w);
        if (n > 4 && l + 1 < p.interactions.length) {
          const coarser = up(halve(w), halve(a), l + 1);
          here = plus(
            here,
            here.map((_, i) => coarser[i >> 1]),
          );
        }
        if (l === 0) {
          const adjacent = ring(n, (i, j) => apart(i, j, n) === 1);
          here = plus(here, literalIntegral(p.near, adjacent, a, w));
        }
        return relu(here);
      };
      v = up(v, nodes, 0);
    }
    expect(v).toHaveLength(s);
    return v.map((row) => affine(p.head, row)[0]);
  }

  const operator = mgno.create(options);
  const parameters = enlarge(operator.init(key(21)), 2);
  const apply = (p: never, x: Tensor): Tensor => operator.apply(p, x);

  test.each([4, 8, 16])('is its definition, s = %i', async (s) => {
    const u = field(22, 1, s);
    const actual = await evaluate(apply, parameters, u);
    const nodes = Array.from({ length: s }, (_, i) => [i / s, u.data[i]]);
    expectClose(actual, literal(parameters, nodes), 1e-12);
  });

  test('a grid finer than its levels is interleaved grids, each by itself', async () => {
    const s = 48;
    const u = field(23, 2, s);
    const actual = await evaluate(apply, parameters, u);
    for (const [sample, start] of [
      [0, 1],
      [1, 2],
    ]) {
      const points = Array.from({ length: 16 }, (_, i) => 3 * i + start);
      const nodes = points.map((i) => [i / s, u.data[sample * s + i]]);
      expectClose(
        points.map((i) => actual[sample * s + i]),
        literal(parameters, nodes),
        1e-12,
      );
    }
  });

  test('says which grids it has levels for', () => {
    expect(() => operator.checkResolution(24)).toThrow(
      /resolution 24: .*power of two from 4, or a multiple of the 16/,
    );
    for (const s of [4, 8, 16, 48, 1024]) expect(() => operator.checkResolution(s)).not.toThrow();
    expect(() => mgno.create().checkResolution(2)).toThrow(/power of two from 4/);
  });
});
