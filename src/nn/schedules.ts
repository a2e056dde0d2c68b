/** Learning-rate schedules: pure functions of the position in training, as factors of the optimiser's learning rate. */

export interface SchedulePosition {
  /** Completed epochs, from 0. */
  readonly epoch: number;
  /** Completed steps of this epoch, from 0. */
  readonly step: number;
  readonly stepsPerEpoch: number;
}

export interface Schedule {
  /** Says what the schedule is; a training resumes only under the schedule it began with. */
  readonly description: string;
  /** Factor of the learning rate, ≥ 0. */
  factor(position: SchedulePosition): number;
}

export const constantSchedule: Schedule = { description: 'constant', factor: () => 1 };

/** Times `gamma` every `every` epochs (PyTorch's StepLR). */
export function stepSchedule({ every, gamma = 0.5 }: { every: number; gamma?: number }): Schedule {
  requirePositive('stepSchedule', { every, gamma });
  return {
    description: `step(every=${every}, gamma=${gamma})`,
    factor: ({ epoch }) => gamma ** Math.floor(epoch / every),
  };
}

const cosineFactor = (progress: number, minimum: number): number =>
  minimum + ((1 - minimum) * (1 + Math.cos(Math.PI * Math.min(progress, 1)))) / 2;

/** From 1 to `minimum` over `epochs` along half a cosine, once an epoch (PyTorch's CosineAnnealingLR); then constant. */
export function cosineSchedule({ epochs, minimum = 0 }: { epochs: number; minimum?: number }): Schedule {
  requirePositive('cosineSchedule', { epochs });
  return {
    description: `cosine(epochs=${epochs}, minimum=${minimum})`,
    factor: ({ epoch }) => cosineFactor(epoch / epochs, minimum),
  };
}

/** Linear from 0 to 1 over the steps of the first `warmup` epochs, then half a cosine, step by step, to `epochs`. */
export function warmupCosineSchedule({
  warmup,
  epochs,
  minimum = 0,
}: {
  warmup: number;
  epochs: number;
  minimum?: number;
}): Schedule {
  requirePositive('warmupCosineSchedule', { warmup, epochs });
  if (warmup >= epochs) {
    throw new Error(
      `warmupCosineSchedule: warmup ${warmup} is not below epochs ${epochs}; shorten the warm-up`,
    );
  }
  return {
    description: `warmupCosine(warmup=${warmup}, epochs=${epochs}, minimum=${minimum})`,
    factor: ({ epoch, step, stepsPerEpoch }) => {
      const time = epoch + (step + 1) / stepsPerEpoch;
      return time <= warmup ? time / warmup : cosineFactor((time - warmup) / (epochs - warmup), minimum);
    },
  };
}

function requirePositive(where: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value > 0)) throw new Error(`${where}: ${name} is ${value}, expected a number above 0`);
  }
}
