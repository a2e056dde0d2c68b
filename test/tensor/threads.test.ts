/** Threads by default: one for each physical core, read from the text Linux gives. */
import os from 'node:os';
import { expect, test } from 'vitest';
import { coresOf, defaultThreads } from '../../src/tensor/engines/threads.ts';

const processor = (n: number, socket: number, core: number): string =>
  `processor\t: ${n}\nmodel name\t: Some CPU\nphysical id\t: ${socket}\nsiblings\t: 4\ncore id\t\t: ${core}\ncpu cores\t: 2\n`;

test('two sockets of two cores with two hardware threads each are four cores', () => {
  const text = [0, 1]
    .flatMap((socket) => [0, 1, 0, 1].map((core, n) => processor(4 * socket + n, socket, core)))
    .join('\n');
  expect(coresOf(text)).toBe(4);
});

test('text that does not name the core of every processor gives no answer', () => {
  expect(coresOf('')).toBeNull();
  expect(coresOf('processor\t: 0\nBogoMIPS\t: 50.00\n\nprocessor\t: 1\nBogoMIPS\t: 50.00\n')).toBeNull();
  expect(coresOf(`${processor(0, 0, 0)}\nprocessor\t: 1\n`)).toBeNull();
});

test('the default is never more than the processors this process may use', () => {
  expect(defaultThreads()).toBeGreaterThanOrEqual(1);
  expect(defaultThreads()).toBeLessThanOrEqual(os.availableParallelism());
});
