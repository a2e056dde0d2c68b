/** Lists in a configuration: flags that take commas. */
import { z } from 'zod';

/** A list of at least one entry. */
export const list = <T extends z.ZodType>(entry: T) => z.array(entry).min(1);

/** Seeds that a table has its mean and its spread over, and what they are seeds of. */
export const seedList = (of = 'initial parameters and sample order', defaults: readonly number[] = [0]) =>
  list(z.int().min(0))
    .default([...defaults])
    .describe(`seeds of ${of}`);
