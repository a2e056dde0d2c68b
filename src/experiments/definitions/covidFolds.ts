/**
 * Epidemic forecasting of days to come over all ten folds, which the whole table of `covid` takes days for: short trainings of the
 * networks, which answer the correction of the line of the last week, and the linear map that is fitted to it. It is the experiment
 * `covid` with other presets.
 */
import { experiment } from '../experiment.ts';
import { FOLDS } from '../../../datasets/covid/windows.ts';
import { forecasterNames } from '../../forecasting/index.ts';
import { covidBenchmark } from './covid.ts';

export default experiment('covid-folds', {
  ...covidBenchmark,
  title: 'COVID-19: forecasts of the next seven days over ten folds, short trainings and a linear map',
  jobsOf: 'covid',
  presets: {
    quick: {
      description: 'three forward folds of the synthetic epidemic, two epochs; half a minute',
      values: {
        models: ['fc'],
        splits: ['forward'],
        targets: ['correction'],
        folds: [0, 1, 2],
        loss: 'balanced',
        epochs: 2,
      },
    },
    paper: {
      description:
        'ten folds of reported counts (--data, or SEXTANT_DATA), ten epochs, balanced loss; an hour and a half of one core, half of it mwt-3d',
      values: {
        models: [...forecasterNames],
        splits: ['random', 'forward', 'blocked'],
        targets: ['correction'],
        loss: 'balanced',
        folds: Array.from({ length: FOLDS }, (_, fold) => fold),
        epochs: 10,
        source: 'reported',
      },
    },
  },
});
