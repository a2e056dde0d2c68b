import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { glyphs } from '../../datasets/glyphs.ts';
import { decodeIdx, readIdx } from '../../datasets/idx.ts';
import { hasMnist, imagesFrom, readMnist } from '../../datasets/images.ts';
import { key } from '../../src/tensor/random.ts';

/** An IDX file of bytes, or of what `kind` says. */
function idx(shape: readonly number[], data: ArrayLike<number>, kind = 0x08): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, kind, shape.length]);
  shape.forEach((length, axis) => view.setUint32(4 + 4 * axis, length));
  bytes.set(Array.from(data), 4 + 4 * shape.length);
  return bytes;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i % 256);

describe('IDX', () => {
  const file = idx([2, 3, 4], range(24));

  test('plain and compressed bytes hold the same array', () => {
    for (const bytes of [file, gzipSync(file)]) {
      const { data, shape } = decodeIdx(bytes);
      expect(shape).toEqual([2, 3, 4]);
      expect([...data]).toEqual(range(24));
    }
  });

  test.each([
    ['nothing', new Uint8Array(0), 'cut short: 0 bytes'],
    ['another format', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 1, 1]), 'begins with 89 50 4e 47'],
    ['no axes', Uint8Array.from([0, 0, 8, 0]), 'this is not an IDX file'],
    ['floats', idx([1], [0, 0, 0, 0], 0x0d), 'holds float32 numbers, expected unsigned bytes'],
    ['a cut header', file.subarray(0, 10), 'the sizes of its 3 axes end at 16'],
    ['a cut array', file.subarray(0, 30), 'claims [2, 3, 4], 24 bytes, and holds 14'],
    ['more than the array', idx([2], range(3)), 'claims [2], 2 bytes, and holds 3'],
    [
      'sizes that no machine could hold',
      idx([0xffffffff, 0xffffffff], []),
      'claims [4294967295, 4294967295]',
    ],
    ['a cut archive', gzipSync(file).subarray(0, 20), 'cannot be unpacked'],
  ])('%s is refused in one line', (_, bytes, reason) => {
    expect(() => decodeIdx(bytes, 'here.idx')).toThrow(`here.idx: `);
    expect(() => decodeIdx(bytes, 'here.idx')).toThrow(reason);
    try {
      decodeIdx(bytes, 'here.idx');
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });

  test('an archive that unpacks to more than is allowed is refused', () => {
    expect(decodeIdx(gzipSync(file), 'bomb.gz', file.length).shape).toEqual([2, 3, 4]);
    expect(() => decodeIdx(gzipSync(file), 'bomb.gz', file.length - 1)).toThrow(
      'bomb.gz: it cannot be unpacked',
    );
  });
});

describe('the four files of MNIST', () => {
  let folder = '';
  const write = (name: string, bytes: Uint8Array): Promise<void> => writeFile(path.join(folder, name), bytes);
  const good = async (): Promise<void> => {
    await write('train-images-idx3-ubyte.gz', gzipSync(idx([3, 2, 2], range(12))));
    await write('train-labels-idx1-ubyte', idx([3], [7, 0, 9]));
    await write('t10k-images-idx3-ubyte', idx([1, 2, 2], range(4)));
    await write('t10k-labels-idx1-ubyte', idx([1], [1]));
  };
  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'sextant-mnist-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('are read, plain or compressed', async () => {
    expect(hasMnist(folder)).toBe(false);
    await good();
    expect(hasMnist(folder)).toBe(true);
    const { train, test: held } = await readMnist(folder);
    expect(train.shape).toEqual([3, 2, 2]);
    expect([...train.labels]).toEqual([7, 0, 9]);
    expect(held.shape).toEqual([1, 2, 2]);
    const second = imagesFrom(train, 1, 2);
    expect(second.shape).toEqual([1, 2, 2]);
    expect([...second.levels]).toEqual([4, 5, 6, 7]);
    expect([...second.labels]).toEqual([0]);
  });

  test.each([
    ['train-labels-idx1-ubyte', idx([2], [1, 2]), '2 labels for the 3 images'],
    ['train-labels-idx1-ubyte', idx([3], [1, 10, 2]), 'label 10 of image 1; expected 0 … 9'],
    ['t10k-images-idx3-ubyte', idx([1, 3, 2], range(6)), 'training images are 2 × 2, test images 3 × 2'],
    ['t10k-images-idx3-ubyte', idx([4], range(4)), 'it holds [4]; expected [images, height, width]'],
    ['t10k-images-idx3-ubyte', idx([0, 2, 2], []), 'none of them 0'],
  ])('%s that does not go with the others is refused', async (name, bytes, reason) => {
    await good();
    await write(name, bytes);
    await expect(readMnist(folder)).rejects.toThrow(reason);
  });

  test('a missing one is named', async () => {
    await good();
    await rm(path.join(folder, 't10k-labels-idx1-ubyte'));
    await expect(readMnist(folder)).rejects.toThrow(/cannot read .*t10k-labels-idx1-ubyte.gz/);
  });
});

describe('synthetic digits', () => {
  test('glyph i is the same for every count, all digits appear, and none is empty', () => {
    const many = glyphs(key(3), 300, 16);
    const few = glyphs(key(3), 5, 16);
    expect(many.levels.subarray(0, few.levels.length)).toEqual(few.levels);
    expect(new Set(many.labels).size).toBe(10);
    for (let i = 0; i < 300; i++) {
      const own = many.levels.subarray(256 * i, 256 * (i + 1));
      expect(Math.max(...own)).toBeGreaterThan(200);
      expect(own.filter((level) => level === 0).length).toBeGreaterThan(100);
    }
  });

  test('the upper left stroke tells 6 from 3', () => {
    const { levels, labels } = glyphs(key(4), 400, 16);
    const meanOf = (digit: number): Float64Array => {
      const mean = new Float64Array(256);
      const own = Array.from(labels.keys()).filter((i) => labels[i] === digit);
      for (const i of own) mean.forEach((_, j) => (mean[j] += levels[256 * i + j] / own.length));
      return mean;
    };
    const [three, six] = [meanOf(3), meanOf(6)];
    const stroke = Array.from({ length: 3 }, (_, i) => 16 * (5 + i) + 5);
    const ink = (of: Float64Array): number => stroke.reduce((total, at) => total + of[at], 0);
    expect(ink(six)).toBeGreaterThan(2 * ink(three));
  });
});

const mnist = path.join(process.env['SEXTANT_DATA'] ?? '', 'mnist');
test.skipIf(!process.env['SEXTANT_DATA'] || !existsSync(mnist))(
  'MNIST itself: sizes, first labels, checksum of the training images',
  async () => {
    const { train, test: held } = await readMnist(mnist);
    expect(train.shape).toEqual([60_000, 28, 28]);
    expect(held.shape).toEqual([10_000, 28, 28]);
    expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect([...held.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
    const { data } = await readIdx(path.join(mnist, 't10k-labels-idx1-ubyte.gz'));
    expect(data.length).toBe(10_000);
    // MD5 of the unpacked file of training images, header included.
    const hash = createHash('md5').update(idx(train.shape, [])).update(train.levels).digest('hex');
    expect(hash).toBe('6bbc9ace898e44ae57da46a324031adb');
  },
);
