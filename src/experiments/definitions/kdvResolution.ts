/**
 * The published table of KdV over the resolutions, all six models of it. It is the experiment `kdv` with other presets: both
 * file their jobs under one name, because a model trained for the one is the very number that the other shows.
 */
import { operatorBenchmark, publishedModels } from '../operatorBenchmark.ts';
import { kdvBenchmark } from './kdv.ts';

const { quick, paper } = kdvBenchmark.presets;

export default operatorBenchmark('kdv-resolution', {
  ...kdvBenchmark,
  title: 'Korteweg–de Vries: the published table over the resolutions',
  jobsOf: 'kdv',
  presets: {
    quick: {
      description: 'all models at 64 points, the graph operators small, few samples and epochs; some minutes',
      values: {
        ...quick.values,
        models: ['pade', 'mwt', 'fno', 'mgno-small', 'lno-small', 'gno-small'],
        train: 100,
        epochs: 5,
        settings: 'shared',
      },
    },
    paper: {
      description:
        'as published: 1000 samples, 500 epochs, five resolutions; three seeds of pade and mwt; a day with --models pade,mwt,fno, weeks with all',
      values: { ...paper.values, models: [...publishedModels], seeds: [0, 1, 2], repeated: ['pade', 'mwt'] },
    },
  },
});
