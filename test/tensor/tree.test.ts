import { describe, expect, test } from 'vitest';
import { array, castArray, flatten, leafPaths, mapTree, unflatten } from '../../src/tensor/index.ts';
import { broadcastShapes, normalizeAxes, normalizeAxis } from '../../src/tensor/shape.ts';
import { sameStructure } from '../../src/tensor/tree.ts';

describe('trees', () => {
  const tree = { layers: [{ weight: 1, bias: 2 }, { weight: 3 }], scale: 4, none: [] };

  test('flatten and unflatten are inverse to each other', () => {
    const { leaves, structure } = flatten<number>(tree);
    expect(leaves).toEqual([1, 2, 3, 4]);
    expect(unflatten(structure, leaves)).toEqual(tree);
  });

  test('paths are dotted', () => {
    expect(leafPaths(tree)).toEqual(['layers.0.weight', 'layers.0.bias', 'layers.1.weight', 'scale']);
  });

  test('mapTree keeps the structure and counts leaves', () => {
    expect(mapTree(tree, (leaf: number, index) => leaf * 10 + index)).toEqual({
      layers: [{ weight: 10, bias: 21 }, { weight: 32 }],
      scale: 43,
      none: [],
    });
  });

  test('arrays of numbers with a shape are leaves', () => {
    expect(flatten({ a: array([1, 2]), b: Float32Array.of(1) }).leaves).toHaveLength(2);
  });

  test('structures differ by kind, keys and length', () => {
    const of = (value: unknown) => flatten(value).structure;
    expect(sameStructure(of({ a: 1 }), of({ a: 5 }))).toBe(true);
    expect(sameStructure(of({ a: 1 }), of({ b: 1 }))).toBe(false);
    expect(sameStructure(of([1, 2]), of([1]))).toBe(false);
    expect(sameStructure(of([1]), of({ 0: 1 }))).toBe(false);
  });
});

describe('arrays', () => {
  test('typed arrays keep their kind, plain numbers become float64', () => {
    expect(array([1, 2]).dtype).toBe('float64');
    expect(array(Float32Array.of(1)).dtype).toBe('float32');
    expect(array(Int32Array.of(1)).dtype).toBe('int32');
    expect(array(Uint8Array.of(1)).dtype).toBe('bool');
    expect(array([1.5, 2], [2], 'float32').data).toBeInstanceOf(Float32Array);
  });

  test('a cast to bool keeps zero and non-zero apart', () => {
    expect([...castArray(array([0, 0.5, -3]), 'bool').data]).toEqual([0, 1, 1]);
  });

  test('values that do not fill the shape, and shapes that are none, are refused', () => {
    expect(() => array([1, 2, 3], [2, 2])).toThrow('array: 3 values do not fill shape [2, 2] (4 expected)');
    expect(() => array([1], [-1])).toThrow('sizes are whole numbers ≥ 0');
    expect(() => array([1], [0.5])).toThrow('has the size 0.5');
  });
});

describe('shapes', () => {
  test('broadcasting follows NumPy', () => {
    expect(broadcastShapes([2, 1, 4], [3, 1], 'add')).toEqual([2, 3, 4]);
    expect(() => broadcastShapes([2, 3], [2], 'add')).toThrow(
      'add: shapes [2, 3] and [2] do not broadcast (sizes 3 and 2 on axis −1)',
    );
  });

  test('axes may be negative, and must exist once', () => {
    expect(normalizeAxis(-1, 3, 'sum')).toBe(2);
    expect(normalizeAxes([-1, 0], 3, 'sum')).toEqual([0, 2]);
    expect(() => normalizeAxis(3, 3, 'sum')).toThrow(
      'sum: axis 3 is outside a tensor of rank 3 (expected -3 … 2)',
    );
    expect(() => normalizeAxes([0, -3], 3, 'sum')).toThrow('repeat an axis');
  });
});
