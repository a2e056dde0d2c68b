/** Running mean and scatter of estimates of a small covariance matrix at each of many sites. */
import type { NDArray } from '../tensor/index.ts';
import { RunningMoments } from './runningMoments.ts';

/** Entries of the symmetric block of every site and variances along directions, averaged over estimates that come one by one. */
export class BlockMoments {
  /** Entries (a, b), a ≤ b, of a block. */
  readonly pairs: readonly (readonly [number, number])[];
  private readonly components: number;
  private readonly sites: number;
  private readonly directions: readonly NDArray[];
  private readonly moments: RunningMoments;
  private count = 0;

  constructor(components: number, sites: number, directions: readonly NDArray[]) {
    this.components = components;
    this.sites = sites;
    this.directions = directions;
    const all = Array.from({ length: components }, (_, a) => a);
    this.pairs = all.flatMap((a) => all.slice(a).map((b) => [a, b] as const));
    this.moments = new RunningMoments((this.pairs.length + directions.length) * sites);
  }

  /** The estimate ½ (left rightᵀ + right leftᵀ) at every site, from vectors [components, sites]. */
  addProducts(left: ArrayLike<number>, right: ArrayLike<number>): void {
    const { sites } = this;
    const entries = new Float64Array(this.pairs.length * sites);
    this.pairs.forEach(([a, b], e) => {
      for (let i = 0; i < sites; i++)
        entries[e * sites + i] =
          0.5 * (left[a * sites + i] * right[b * sites + i] + left[b * sites + i] * right[a * sites + i]);
    });
    this.add(entries);
  }

  /** An estimate of the entries, [pairs, sites]. */
  add(entries: Float64Array): void {
    const { sites, pairs, directions } = this;
    const all = new Float64Array((pairs.length + directions.length) * sites);
    all.set(entries);
    directions.forEach(({ data }, d) => {
      const from = (pairs.length + d) * sites;
      pairs.forEach(([a, b], e) => {
        const twice = a === b ? 1 : 2;
        for (let i = 0; i < sites; i++)
          all[from + i] += twice * data[a * sites + i] * data[b * sites + i] * entries[e * sites + i];
      });
    });
    this.moments.add(all);
    this.count++;
  }

  /** [components, components, sites] */
  matrix(): Float64Array {
    const { components, sites } = this;
    const matrix = new Float64Array(components ** 2 * sites);
    this.pairs.forEach(([a, b], e) => {
      const entry = this.moments.mean.subarray(e * sites, (e + 1) * sites);
      matrix.set(entry, (a * components + b) * sites);
      matrix.set(entry, (b * components + a) * sites);
    });
    return matrix;
  }

  along(): { deviation: Float64Array; standardError: Float64Array | null }[] {
    const { sites, pairs, count } = this;
    const scatter = count < 2 ? null : this.moments.deviation();
    return this.directions.map((_, d) => {
      const from = (pairs.length + d) * sites;
      const deviation = this.moments.mean.slice(from, from + sites).map((v) => Math.sqrt(Math.max(0, v)));
      // d√v = dv / (2√v); where the estimate of v is not positive, √dv is what is known of its root.
      const standardError = scatter?.slice(from, from + sites).map((s, i) => {
        const ofVariance = s / Math.sqrt(count);
        return deviation[i] > 0 ? ofVariance / (2 * deviation[i]) : Math.sqrt(ofVariance);
      });
      return { deviation, standardError: standardError ?? null };
    });
  }

  /** ‖standard error‖₂ / ‖deviation‖₂ along the first direction over sites of interest. */
  relativeError(interest?: ArrayLike<number>): number | null {
    const [{ deviation, standardError }] = this.along();
    if (!standardError) return null;
    let [error, size] = [0, 0];
    for (let i = 0; i < this.sites; i++) {
      if (interest && interest[i] === 0) continue;
      error += standardError[i] ** 2;
      size += deviation[i] ** 2;
    }
    return size === 0 ? 0 : Math.sqrt(error / size);
  }
}
