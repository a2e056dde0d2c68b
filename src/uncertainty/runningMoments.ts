/** Mean and sample standard deviation of vectors that come one after the other (Welford 1962). */
export class RunningMoments {
  readonly mean: Float64Array;
  private readonly squares: Float64Array;
  private count = 0;

  constructor(size: number) {
    this.mean = new Float64Array(size);
    this.squares = new Float64Array(size);
  }

  add(values: ArrayLike<number>): void {
    this.count++;
    for (let i = 0; i < this.mean.length; i++) {
      const before = values[i] - this.mean[i];
      this.mean[i] += before / this.count;
      this.squares[i] += before * (values[i] - this.mean[i]);
    }
  }

  /** NaN for fewer than two vectors. */
  deviation(): Float64Array {
    return this.squares.map((total) => Math.sqrt(total / (this.count - 1)));
  }
}
