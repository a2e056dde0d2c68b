/** What a benchmark times: a piece of work of ours, and how the PyTorch process is asked for the same. */

export interface PreparedCase {
  /** Floating-point operations of the matrix products in one run; 0 where there are none. */
  readonly flops: number;
  /** Of a model: both sides must have as many. */
  readonly parameters?: number;
  /** How many times a run does the piece of work; default once. */
  readonly repeats?: number;
  run(): Promise<unknown>;
  dispose(): Promise<void>;
}

/** A function of `CASES` in bench/peers/serve.py and its arguments. */
export interface PeerCase {
  readonly case: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly peer: PeerCase;
  prepare(): Promise<PreparedCase>;
}
