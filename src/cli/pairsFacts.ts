/** What pairs are, for people and as JSON: where they come from, their points, and the samples of each split. */
import { SPLITS, type OperatorPairs } from '../../datasets/pairs.ts';
import type { Facts } from './facts.ts';

export const pairsFacts = (pairs: OperatorPairs): Facts => ({
  ...pairs.provenance,
  points: pairs.x.length,
  ...Object.fromEntries(SPLITS.map((split) => [split, pairs[split].count])),
});
