/**
 * A function under noise, at one point: z ↦ f(x + L z) for standard normal numbers z, whose Jacobian at z = 0 is J L. What
 * first-order propagation, sampling and worst cases of one large output (an image) are computed from.
 */
import {
  compileAt,
  linearize,
  spec,
  vjp,
  vmap,
  zeros,
  type MapLeaves,
  type NDArray,
  type Program,
  type Shape,
  type Spec,
  type Tensor,
} from '../tensor/index.ts';
import { compileOptions, type PrecisionChoice } from './precision.ts';

/** Arrays as the tensors that a traced function sees. */
export type Traced<A> = MapLeaves<A, NDArray, Tensor>;

export interface Perturbed<A = unknown> {
  /**
   * Standard normal numbers [...noise] and `args` ↦ f(x + L z / scale), [components, ...sites]: an image has one component where it
   * is real, and two, real and imaginary, where it is complex.
   */
  readonly f: (z: Tensor, args: Traced<A>) => Tensor;
  /** Arrays handed to the program at run time: the point x, parameters. */
  readonly args: A;
  /** Shape of z. */
  readonly noise: Shape;
  /** What L was divided by, so that squares in float32 stay clear of its limits; all results are multiplied by it. */
  readonly scale: number;
}

interface LinearMaps {
  readonly push: (tangent: Tensor) => Tensor;
  readonly pull: (cotangent: Tensor) => Tensor;
}

type Compiled = Program<readonly unknown[], NDArray>;

/**
 * f at z = 0 and its products with batches of vectors, by programs that are compiled when first used; without `scale`. What does not
 * depend on the vectors, f at the point above all, is computed once a program.
 */
export class PerturbedPrograms<A> {
  private readonly map: Perturbed<A>;
  private readonly choice: PrecisionChoice;
  private readonly programs = new Map<string, Promise<Compiled>>();

  constructor(map: Perturbed<A>, choice: PrecisionChoice = {}) {
    this.map = map;
    this.choice = choice;
  }

  /** f(x), [components, ...sites]. @throws when f gives anything else. */
  async value(): Promise<NDArray> {
    const { f, noise } = this.map;
    const program = await this.program('value', [], (given: Traced<A>) => f(zeros(noise), given));
    const value = copyOf(await program.run([]));
    if (value.shape.length >= 2) return value;
    throw new Error(
      `perturbed function: it gave shape [${value.shape.join(', ')}], expected [components, ...sites]: stack real and imaginary parts, or add an axis of one component`,
    );
  }

  /** J L V: [count, ...noise] → [count, components, ...sites]. */
  push(vectors: NDArray): Promise<NDArray> {
    return this.product('push', vectors, ({ push }) => push);
  }

  /** (J L)ᵀ V: [count, components, ...sites] → [count, ...noise]. */
  pull(vectors: NDArray): Promise<NDArray> {
    return this.product('pull', vectors, ({ pull }) => pull);
  }

  /** J L (J L)ᵀ V: [count, components, ...sites] → the same. */
  covariance(vectors: NDArray): Promise<NDArray> {
    return this.product(
      'covariance',
      vectors,
      ({ push, pull }) =>
        (v: Tensor) =>
          push(pull(v)),
    );
  }

  /** (J L)ᵀ J L V: [count, ...noise] → the same. */
  normal(vectors: NDArray): Promise<NDArray> {
    return this.product(
      'normal',
      vectors,
      ({ push, pull }) =>
        (v: Tensor) =>
          pull(push(v)),
    );
  }

  async dispose(): Promise<void> {
    for (const program of this.programs.values()) await (await program).dispose();
    this.programs.clear();
  }

  private async product(
    name: string,
    vectors: NDArray,
    choose: (maps: LinearMaps) => (v: Tensor) => Tensor,
  ): Promise<NDArray> {
    const { f, noise } = this.map;
    const program = await this.program(name, [spec(vectors.shape)], (given: Traced<A>, v: Tensor) => {
      const at = (z: Tensor): Tensor => f(z, given);
      const [, push] = linearize(at, zeros(noise));
      const [, pull] = vjp(at, zeros(noise));
      return vmap(choose({ push, pull: (cotangent) => pull(cotangent)[0] }))(v);
    });
    return copyOf(await program.run([vectors]));
  }

  private program(
    name: string,
    vectors: readonly Spec[],
    f: (args: Traced<A>, v: Tensor) => Tensor,
  ): Promise<Compiled> {
    const key = `${name} ${vectors.map(({ shape }) => shape.join()).join()}`;
    const known = this.programs.get(key);
    if (known) return known;
    // The types of a tree that the caller chose are known to the caller alone.
    const made = compileAt(
      f as never,
      this.map.args,
      vectors as never,
      compileOptions(this.choice),
    ) as unknown as Promise<Compiled>;
    this.programs.set(key, made);
    return made;
  }
}

/** The engine may reuse the arrays that it returned. */
const copyOf = (array: NDArray): NDArray => ({ ...array, data: array.data.slice() });
