/** The two problems that operators are compared on where one table is about several equations: KdV as published, and KS. */
import { z } from 'zod';
import type { Dataset } from '../../datasets/dataset.ts';
import { kdvDataset } from '../../datasets/kdv.ts';
import { ksDataset, ksLengths } from '../../datasets/ks.ts';
import type { Multiplier } from '../operators/index.ts';
import type { LabelKind } from './labelRows.ts';
import { linearPropagator } from './operatorBenchmark.ts';

export interface Problem {
  readonly title: string;
  readonly dataset: Dataset;
  readonly labels: LabelKind;
  /** Of the linear part of its equation. */
  readonly propagator: Multiplier;
}

const problems = {
  kdv: {
    title: 'Korteweg–de Vries',
    dataset: kdvDataset,
    labels: 'released',
    propagator: linearPropagator('kdv', {}, { length: 1, time: 1 }),
  },
  ks: {
    title: 'Kuramoto–Sivashinsky, L = 64, T = 1',
    dataset: ksDataset,
    labels: 'converged',
    propagator: linearPropagator('kuramotoSivashinsky', {}, { length: ksLengths['64'], time: 1 }),
  },
} satisfies Record<string, Problem>;

/** What a flag, a condition and the data of a job call a problem. */
export const problemName = z.enum(Object.keys(problems) as (keyof typeof problems)[]);

/** @throws if there is no problem of that name. */
export const findProblem = (name: unknown): Problem => problems[problemName.parse(name)];
