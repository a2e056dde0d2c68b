/**
 * The published table of KdV over the resolutions, all six models of it. It is the experiment `kdv` with other presets: both
 * file their jobs under one name, because a model trained for the one is the very number that the other shows.
 */
import { operatorNames } from '../../operators/index.ts';
import { operatorBenchmark } from '../operatorBenchmark.ts';
import { kdvBenchmark } from './kdv.ts';

/** The rows of the table in its order; those that are not implemented are quoted. */
const models = ['pade', 'mwt', 'fno', 'mgno', 'lno', 'gno'].filter((model) => operatorNames.includes(model));

const { quick, paper } = kdvBenchmark.presets;

export default operatorBenchmark('kdv-resolution', {
  ...kdvBenchmark,
  title: 'Korteweg–de Vries: the published table over the resolutions',
  jobsOf: 'kdv',
  presets: {
    quick: {
      description: 'all models at 64 and 128 points, few samples and epochs; about two minutes',
      values: { ...quick.values, models, resolutions: [64, 128], epochs: 5, train: 100, settings: 'shared' },
    },
    paper: {
      description:
        'as published: 1000 samples, 500 epochs, five resolutions; three seeds of pade and mwt; a day or more',
      values: { ...paper.values, models, seeds: [0, 1, 2], repeated: ['pade', 'mwt'] },
    },
  },
});
