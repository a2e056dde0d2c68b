/** Ctrl-C once ends a command in order, twice at once; however often a command asks for the signal. */
import { EventEmitter } from 'node:events';
import { expect, test, vi } from 'vitest';
import { InterruptedError } from '../../src/cli/errors.ts';
import { interruption } from '../../src/cli/interruption.ts';

test('asked for the signal several times, one Ctrl-C is one Ctrl-C; the next one is the second', () => {
  const source = new EventEmitter();
  const again = vi.fn();
  const { listen, reason } = interruption(source, again);
  const signals = [listen(), listen(), listen()];
  expect(reason()).toBeNull();
  source.emit('SIGINT', 'SIGINT');
  expect(reason()?.exitCode).toBe(130);
  expect(signals.every(({ aborted }) => aborted)).toBe(true);
  expect(signals[0].reason).toBeInstanceOf(InterruptedError);
  expect(again).not.toHaveBeenCalled();
  source.emit('SIGTERM', 'SIGTERM');
  expect(again.mock.calls).toEqual([[143]]);
});

test('nothing listens before it is asked for, nor after release', () => {
  const source = new EventEmitter();
  const { signal, listen, release } = interruption(source, () => undefined);
  expect(source.listenerCount('SIGINT')).toBe(0);
  listen();
  listen();
  expect([source.listenerCount('SIGINT'), source.listenerCount('SIGTERM')]).toEqual([1, 1]);
  release();
  expect(source.emit('SIGINT')).toBe(false);
  expect(signal.aborted).toBe(false);
});
