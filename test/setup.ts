/**
 * The same commit gets the same verdict: properties draw the same cases on every machine. `SEXTANT_TEST_SEED=NUMBER` draws others,
 * which is how new ones are looked for.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.SEXTANT_TEST_SEED ?? 20211122) });
