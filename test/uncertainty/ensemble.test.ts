import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { adam, mlp, mse, predict, stepSchedule, train, type EpochLine } from '../../src/nn/index.ts';
import { array, flatten, gelu, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { key, normal, type Key } from '../../src/tensor/random.ts';
import {
  memberKey,
  memberOrder,
  predictEnsemble,
  trainEnsemble,
  type EnsembleOptions,
} from '../../src/uncertainty/ensemble.ts';
import { stackMembers, unstackMembers } from '../../src/uncertainty/members.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'sextant-ensemble-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const init = (initKey: Key) => mlp.init(initKey, { sizes: [1, 8, 1] });
type Parameters = ReturnType<typeof init>;

// 23 does not divide by 5: the last batch of an epoch is shorter.
const count = 23;
const x = array(Float32Array.from(normal(key(1), count)), [count, 1]);
const y = array(Float32Array.from(x.data, Math.sin), [count, 1]);

const options: EnsembleOptions<Parameters> = {
  init,
  loss: (parameters, batch) =>
    mse(mlp.apply(parameters, batch['x'], gelu), batch['y'], { reduction: 'none' }),
  data: { train: { x, y }, validation: { x, y } },
  optimizer: adam({ learningRate: 1e-2, weightDecay: 1e-3 }),
  schedule: stepSchedule({ every: 2, gamma: 0.5 }),
  epochs: 4,
  batchSize: 5,
  seed: 3,
  members: 3,
  threads: 1,
};

const leavesOf = (tree: unknown): number[] => flatten<NDArray>(tree).leaves.flatMap(({ data }) => [...data]);
const distance = (a: unknown, b: unknown): number => {
  const [left, right] = [leavesOf(a), leavesOf(b)];
  return Math.max(...left.map((value, i) => Math.abs(value - right[i])));
};

/** Member m as an ordinary training: its own initial parameters, and the training samples in its own order. */
function alone(member: number, reduction: 'mean' | 'sum' = 'mean') {
  const order = memberOrder(3, member, count);
  const rows = ({ data }: NDArray) =>
    array(
      Float32Array.from(order, (i) => data[i]),
      [count, 1],
    );
  const { members, ...rest } = options;
  expect(members).toBe(3);
  return train({
    ...rest,
    reduction,
    init: (initKey) => init(memberKey(initKey, member)),
    data: { train: { x: rows(x), y: rows(y) }, validation: { x, y } },
  });
}

test.each(['mean', 'sum'] as const)(
  'a member is the same model trained alone, to rounding (%s)',
  async (reduction) => {
    const together = await trainEnsemble({ ...options, reduction });
    for (let m = 0; m < 3; m++) {
      const lone = await alone(m, reduction);
      expect(distance(together.members[m], lone.parameters)).toBeLessThan(2e-5);
      // Adam's steps are 0.01 each: members that are not the same model are far apart.
      expect(distance(together.members[(m + 1) % 3], lone.parameters)).toBeGreaterThan(0.1);
    }
  },
);

test('members one by one are lone trainings bit for bit, and the history goes through all of them', async () => {
  const lines: EpochLine[] = [];
  const single = await trainEnsemble({
    ...options,
    membersAtOnce: 1,
    onEpoch: (line) => void lines.push(line),
  });
  const lone = await Promise.all([0, 1, 2].map((m) => alone(m)));
  lone.forEach(({ parameters }, m) => expect(leavesOf(single.members[m])).toEqual(leavesOf(parameters)));
  expect(lines.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect(single.history.map(({ train: loss }) => loss)).toEqual(
    lone.flatMap(({ history }) => history.map((line) => line.train)),
  );
  const seconds = lines.map((line) => line.seconds);
  expect(seconds).toEqual([...seconds].sort((a, b) => a - b));

  const together = await trainEnsemble(options);
  together.history.forEach((line, i) => {
    const mean = (of: 'train' | 'validation'): number =>
      lone.reduce((total, { history }) => total + (history[i][of] ?? NaN), 0) / 3;
    expect(line.train).toBeCloseTo(mean('train'), 5);
    expect(line.validation).toBeCloseTo(mean('validation'), 5);
  });
});

test('in shared order members see the same batches', async () => {
  const shared = await trainEnsemble({ ...options, order: 'shared' });
  const lone = await train({ ...options, init: (initKey) => init(memberKey(initKey, 1)) });
  expect(distance(shared.members[1], lone.parameters)).toBeLessThan(2e-5);
});

test('an interrupted ensemble goes on to the same members', async () => {
  const whole = await trainEnsemble({ ...options, membersAtOnce: 2 });
  const checkpoints = path.join(folder, 'resumed');
  const stop = new AbortController();
  const first = await trainEnsemble({
    ...options,
    membersAtOnce: 2,
    checkpoints,
    signal: stop.signal,
    // In the second program: two of its four epochs are done.
    onEpoch: ({ epoch }) => {
      if (epoch === 6) stop.abort();
    },
  });
  expect(first.stopped).toBe('aborted');
  const resumed: number[][] = [];
  const second = await trainEnsemble({
    ...options,
    membersAtOnce: 2,
    checkpoints,
    onResume: (lines) => void resumed.push(lines.map(({ epoch }) => epoch)),
  });
  expect(leavesOf(second.members)).toEqual(leavesOf(whole.members));
  expect(second.history.map(({ train: loss }) => loss)).toEqual(whole.history.map(({ train: loss }) => loss));
  expect(resumed).toEqual([
    [1, 2, 3, 4],
    [1, 2, 3, 4, 5, 6],
  ]);
});

test('mean and standard deviation of the members, batch by batch', async () => {
  const apply = (parameters: Parameters, u: Tensor): Tensor => mlp.apply(parameters as never, u, gelu);
  const members = [5, 6, 7].map((seed) => init(key(seed)));
  const prediction = await predictEnsemble<Parameters>(apply as never, members, x, { batchSize: 4 });
  expect(prediction.members.shape).toEqual([3, count, 1]);
  const each = await Promise.all(members.map((member) => predict<Parameters>(apply as never, member, x)));
  for (let i = 0; i < count; i++) {
    const values = each.map(({ data }) => data[i]);
    const mean = values.reduce((a, b) => a + b) / 3;
    const deviation = Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / 2);
    values.forEach((value, m) => expect(prediction.members.data[m * count + i]).toBeCloseTo(value, 5));
    expect(prediction.mean.data[i]).toBeCloseTo(mean, 5);
    expect(prediction.deviation.data[i]).toBeCloseTo(deviation, 5);
  }
  const one = await predictEnsemble<Parameters>(apply as never, members.slice(0, 1), x);
  expect([...one.deviation.data]).toEqual(Array(count).fill(0));
});

test('stacking and its inverse; trees that differ are refused', () => {
  const members = [1, 2, 3].map((seed) => init(key(seed)));
  expect(unstackMembers(stackMembers(members))).toEqual(members);
  const other = mlp.init(key(1), { sizes: [1, 9, 1] });
  expect(() => stackMembers([members[0], other])).toThrow('leaf 0 of member 1');
  expect(() => stackMembers([])).toThrow('no members');
});

test('what would couple members is refused', async () => {
  const wrong = (more: object) => trainEnsemble({ ...options, ...more });
  await expect(wrong({ clipNorm: 1 })).rejects.toThrow('clipNorm would act on all members');
  await expect(wrong({ earlyStopping: { patience: 1 } })).rejects.toThrow('earlyStopping would act');
  await expect(wrong({ members: 0 })).rejects.toThrow('members is 0');
  await expect(wrong({ membersAtOnce: 1.5 })).rejects.toThrow('membersAtOnce is 1.5');
  const scalar = {
    loss: (parameters: never, batch: Record<string, Tensor>) =>
      mse(mlp.apply(parameters, batch['x'], gelu), batch['y']),
  };
  await expect(wrong(scalar)).rejects.toThrow('one value a sample');
});
