/** Server-sent events: the changes of an experiment folder, as they happen. */
import type { Request, Response } from 'express';
import { ExperimentFollower } from './follow.ts';

export interface EventOptions {
  /** Time between two looks at the folder, in milliseconds. */
  pollMilliseconds: number;
  /** Time between two signs of life, in milliseconds. */
  heartbeatMilliseconds: number;
}

/** Streams changes until the experiment is complete or deleted, or the reader leaves. */
export async function streamEvents(
  folder: string,
  request: Request,
  response: Response,
  options: EventOptions,
): Promise<void> {
  response.status(200).set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.flushHeaders();
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  response.write('retry: 2000\n\n');
  const follower = new ExperimentFollower(folder);
  let wake = (): void => undefined;
  const left = new AbortController();
  const leave = (): void => {
    left.abort();
    wake();
  };
  request.on('close', leave);
  response.on('close', leave);
  // A write to a connection that is already gone must not end the server.
  response.on('error', leave);
  const heartbeat = setInterval(() => response.write(': alive\n\n'), options.heartbeatMilliseconds);
  try {
    while (!left.signal.aborted) {
      // A reader that is too slow gets the changes later, in fewer pieces; nothing piles up here.
      if (!response.writableNeedDrain) {
        for (const { event, data } of await follower.changes()) {
          response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
          if (event === 'complete' || event === 'gone') return;
        }
      }
      if (left.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, options.pollMilliseconds);
        wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
