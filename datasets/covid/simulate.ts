/**
 * A synthetic epidemic for those who have no file: a metapopulation SIRD model on the fifty states, and what its health offices
 * would have reported. It resembles the real counts in size and shape and is nobody's data.
 *
 * In state i, with a day cut into steps of h,
 *   λ_i = β_i(t) Σ_j M_ij I_j / N_j,                              force of infection, M the contacts between states
 *   S → I with probability 1 − exp(−λ_i h),
 *   I → R and I → D with probabilities (1 − f)(1 − exp(−γ h)) and f (1 − exp(−γ h)),
 * in expectation, so that S + I + R + D = N always. β_i(t) is a seasonal wave with a delay of its own for every state, times an
 * autoregressive random factor: people's behaviour. Contacts fall with distance (a gravity model). Of the infections a share is
 * reported after a delay (a discretised gamma distribution), less on weekends and the more on the days after, with noise.
 */
import { foldIn, key, normal, split, uniform, type Key } from '../../src/tensor/random.ts';
import { states } from './states.ts';
import { dayNumber, daysBetween, SYNTHETIC, type EpidemicTable } from './table.ts';

export interface SimulationOptions {
  readonly seed?: number;
  /** Default: the days of the published benchmark. */
  readonly first?: string;
  readonly last?: string;
}

/** Compartments [days, states], persons; their sum is the population. */
export interface Compartments {
  readonly susceptible: Float64Array;
  readonly infected: Float64Array;
  readonly recovered: Float64Array;
  readonly dead: Float64Array;
}

const STEPS_A_DAY = 4;
/** Mean time from infection to recovery or death, days. */
const INFECTIOUS_DAYS = 9;
const FATALITY = 0.006;
/** Share of contacts with other states. */
const MIXING = 0.02;
const REPORTED = 0.35;
/** Days before the first reported one, so that the reports do not begin at nothing. */
const EARLIER = 45;
const DAILY_NOISE = 0.08;
/** Reports of Sunday to Saturday, relative to a week without a cycle. */
const WEEK = [0.7, 0.95, 1.1, 1.1, 1.15, 1.2, 0.8];

/** Reports of a synthetic epidemic; every value is there, the counts never fall. The same seed gives the same table. */
export function simulateEpidemic({
  seed = 0,
  first = '2020-04-12',
  last = '2021-08-28',
}: SimulationOptions = {}): EpidemicTable & { readonly truth: Compartments } {
  const days = daysBetween(first, last);
  const [courseKey, reportKey] = split(key(seed), 2);
  const course = spread(courseKey, days.length + EARLIER);
  const n = states.length;
  const reports = (
    events: Float64Array,
    share: number,
    delay: readonly number[],
    quantity: number,
  ): Float64Array =>
    report(events, { share, delay, firstDay: dayNumber(first), key: foldIn(reportKey, quantity) });
  const after = (values: Float64Array): Float64Array => values.slice(EARLIER * n);
  return {
    days,
    vintage: `${SYNTHETIC}: simulated, seed ${seed}`,
    states: states.map(({ name }) => name),
    population: Float64Array.from(states, ({ population }) => population),
    confirmed: reports(course.infections, REPORTED, delayed(6), 0),
    recovered: reports(course.recoveries, REPORTED, delayed(5), 1),
    deaths: reports(course.deaths, 1, delayed(12), 2),
    truth: {
      susceptible: after(course.susceptible),
      infected: after(course.infected),
      recovered: after(course.recovered),
      dead: after(course.dead),
    },
  };
}

type Course = Compartments & {
  /** Persons a day [days, states]. */
  readonly infections: Float64Array;
  readonly recoveries: Float64Array;
  readonly deaths: Float64Array;
};

/** The epidemic itself, day by day; the values of a day are those at its end. */
function spread(courseKey: Key, days: number): Course {
  const n = states.length;
  const [startKey, behaviourKey] = split(courseKey, 2);
  const contact = contacts();
  const transmission = behaviour(behaviourKey, days);
  const empty = (): Float64Array => new Float64Array(days * n);
  const course = {
    susceptible: empty(),
    infected: empty(),
    recovered: empty(),
    dead: empty(),
    infections: empty(),
    recoveries: empty(),
    deaths: empty(),
  };
  const start = uniform(startKey, n);
  const infected = Float64Array.from(states, ({ population }, i) => population * 2e-4 * (0.2 + start[i]));
  const susceptible = Float64Array.from(states, ({ population }, i) => population - infected[i]);
  const recovered = new Float64Array(n);
  const dead = new Float64Array(n);
  const h = 1 / STEPS_A_DAY;
  const removal = 1 - Math.exp(-h / INFECTIOUS_DAYS);
  const prevalence = new Float64Array(n);
  for (let day = 0; day < days; day++) {
    for (let step = 0; step < STEPS_A_DAY; step++) {
      for (let i = 0; i < n; i++) prevalence[i] = infected[i] / states[i].population;
      for (let i = 0; i < n; i++) {
        let force = 0;
        for (let j = 0; j < n; j++) force += contact[i * n + j] * prevalence[j];
        const infections = susceptible[i] * (1 - Math.exp(-transmission[day * n + i] * force * h));
        const removals = infected[i] * removal;
        const deaths = FATALITY * removals;
        susceptible[i] -= infections;
        infected[i] += infections - removals;
        recovered[i] += removals - deaths;
        dead[i] += deaths;
        course.infections[day * n + i] += infections;
        course.recoveries[day * n + i] += removals - deaths;
        course.deaths[day * n + i] += deaths;
      }
    }
    course.susceptible.set(susceptible, day * n);
    course.infected.set(infected, day * n);
    course.recovered.set(recovered, day * n);
    course.dead.set(dead, day * n);
  }
  return course;
}

/** M [states, states]: most contacts at home, the others by a gravity model, population over squared distance; rows sum to 1. */
function contacts(): Float64Array {
  const n = states.length;
  const matrix = new Float64Array(n * n);
  for (const [i, home] of states.entries()) {
    const pulls = states.map((away) => (away === home ? 0 : away.population / squaredDistance(home, away)));
    const total = pulls.reduce((a, b) => a + b);
    for (let j = 0; j < n; j++) matrix[i * n + j] = i === j ? 1 - MIXING : (MIXING * pulls[j]) / total;
  }
  return matrix;
}

interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** In degrees of latitude; precise enough for who travels where. */
function squaredDistance(a: Place, b: Place): number {
  const eastward = (a.longitude - b.longitude) * Math.cos((((a.latitude + b.latitude) / 2) * Math.PI) / 180);
  return (a.latitude - b.latitude) ** 2 + eastward ** 2;
}

/** β [days, states], a day: a wave in about half a year around what keeps the epidemic level, times a slow random factor. */
function behaviour(behaviourKey: Key, days: number): Float64Array {
  const n = states.length;
  const beta = new Float64Array(days * n);
  for (const [i, { latitude }] of states.entries()) {
    const stateKey = foldIn(behaviourKey, i);
    const [phase, amplitude] = uniform(foldIn(stateKey, 0), 2);
    const noise = normal(foldIn(stateKey, 1), days);
    // Winters come first to the north.
    const delay = 20 * phase + 2 * (40 - latitude);
    let factor = 0;
    for (let day = 0; day < days; day++) {
      factor = 0.97 * factor + 0.02 * noise[day];
      const season = (0.16 + 0.08 * amplitude) * Math.cos((2 * Math.PI * (day - 15 - delay)) / 190);
      beta[day * n + i] = (1.12 / INFECTIOUS_DAYS) * Math.exp(season + factor);
    }
  }
  return beta;
}

/** Probabilities of delays of 0, 1, 2, … days: a gamma distribution of shape 3 and the given mean, cut at four means. */
function delayed(mean: number): number[] {
  const density = Array.from(
    { length: 4 * mean },
    (_, day) => (day + 0.5) ** 2 * Math.exp((-3 * (day + 0.5)) / mean),
  );
  const total = density.reduce((a, b) => a + b);
  return density.map((value) => value / total);
}

interface Reporting {
  readonly share: number;
  readonly delay: readonly number[];
  /** Days since 1970-01-01, a Thursday, of the first reported day. */
  readonly firstDay: number;
  readonly key: Key;
}

/**
 * Cumulative reported counts [days, states] of the events a day [EARLIER + days, states]. What the week's cycle and the noise hold
 * back on one day waits in a backlog, so that nothing is lost.
 */
function report(events: Float64Array, { share, delay, firstDay, key: reportKey }: Reporting): Float64Array {
  const n = states.length;
  const days = events.length / n - EARLIER;
  const counts = new Float64Array(days * n);
  for (let i = 0; i < n; i++) {
    const noise = normal(foldIn(reportKey, i), days + EARLIER);
    let backlog = 0;
    let reported = 0;
    for (let day = 0; day < days + EARLIER; day++) {
      for (let lag = 0; lag <= Math.min(day, delay.length - 1); lag++)
        backlog += share * delay[lag] * events[(day - lag) * n + i];
      const weekday = (firstDay + day - EARLIER + 4) % 7;
      const sent = Math.min(1, 0.8 * WEEK[weekday] * Math.exp(DAILY_NOISE * noise[day])) * backlog;
      backlog -= sent;
      reported += sent;
      if (day >= EARLIER) counts[(day - EARLIER) * n + i] = Math.round(reported);
    }
  }
  return counts;
}
