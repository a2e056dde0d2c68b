/** What the results of record must show, and which of it they are known to miss. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';

const recordSchema = z.object({
  checks: z.array(z.object({ name: z.string(), holds: z.boolean() })),
});

test.each<{ record: string; asked: RegExp; atLeast: number; missed: readonly RegExp[] }>([
  {
    // The plain models are 0.32 and 0.35 nats from the truth there: no model can gain the 0.5 asked for.
    record: 'vq-flows',
    asked: /gain|oracle|leak|Real NVP|true density/i,
    atLeast: 50,
    missed: [/disjoint/, /disjoint/],
  },
  { record: 'flows-2d', asked: /true density/, atLeast: 14, missed: [] },
])('the record of $record holds its checks, but for what is known', ({ record, asked, atLeast, missed }) => {
  const file = new URL(`../../docs/results/${record}/result.json`, import.meta.url);
  const { checks } = recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  expect(checks.filter(({ name }) => asked.test(name)).length).toBeGreaterThanOrEqual(atLeast);
  const failing = checks.filter(({ holds }) => !holds).map(({ name }) => name);
  expect(failing).toHaveLength(missed.length);
  missed.forEach((pattern, i) => expect(failing[i]).toMatch(pattern));
});
