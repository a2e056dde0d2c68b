/**
 * What an equation is: u_t = Lu + N(u) on a periodic interval, with L given by its Fourier symbol and N by field operations.
 * A file in `equations/` that exports one `equation({…})` is all it takes to add one.
 */
import type { z } from 'zod';
import type { Complex } from './complex.ts';
import type { Field } from './field.ts';

/** L as a polynomial (or any function) of iκ: for ∂³/∂x³ the symbol is (iκ)³. */
export type LinearSymbol = (ik: Complex) => Complex;

/** An equation with its parameters filled in, ready to be solved. */
export interface BoundEquation {
  readonly name: string;
  /** The PDE as on paper. */
  readonly pde: string;
  readonly parameters: Readonly<Record<string, number>>;
  readonly symbol: LinearSymbol;
  /** N(u), or null for a linear equation, which is then solved exactly. */
  readonly nonlinear: ((u: Field) => Field) | null;
  /** Integrals of the motion: their drift is reported with every solution. */
  readonly invariants: Readonly<Record<string, (u: Field) => number>>;
}

/** A problem that shows the equation at its best: the defaults of the command line, and swept by the tests. */
export interface Example {
  readonly domain: readonly [number, number];
  readonly points: number;
  readonly initial: string;
  readonly time: number;
}

export interface EquationDefinition<P extends Record<string, number>> {
  readonly name: string;
  readonly title: string;
  readonly pde: string;
  readonly parameters: z.ZodType<P>;
  readonly linear: (parameters: P) => LinearSymbol;
  readonly nonlinear?: (parameters: P) => (u: Field) => Field;
  readonly invariants?: (parameters: P) => Readonly<Record<string, (u: Field) => number>>;
  readonly example: Example;
}

/** An equation of the registry: its description, and `bind`, which validates parameters. */
export interface Equation {
  readonly name: string;
  readonly title: string;
  readonly pde: string;
  readonly parameters: z.ZodType<Record<string, number>>;
  readonly example: Example;
  /** Fills in parameters; missing ones take their defaults. Throws, naming the parameter, when one is not valid. */
  bind(parameters?: Readonly<Record<string, unknown>>): BoundEquation;
}

export function equation<P extends Record<string, number>>(definition: EquationDefinition<P>): Equation {
  const { name, title, pde, example } = definition;
  return {
    name,
    title,
    pde,
    parameters: definition.parameters,
    example,
    bind(given = {}) {
      const parsed = definition.parameters.safeParse(given);
      if (!parsed.success) {
        const known = Object.keys(definition.parameters.parse({})).join(', ');
        const reasons = parsed.error.issues.map((issue) =>
          issue.code === 'unrecognized_keys'
            ? `there is no ${issue.keys.join(', ')}, expected ${known || 'none'}`
            : // Zod begins with a class of error, as in "Too small: expected number to be >0".
              `${issue.path.join('.')}: got ${String(given[String(issue.path[0])])}, ${issue.message.replace(/^[^:]*: /, '')}`,
        );
        throw new Error(`parameters of the equation "${name}" (${pde}): ${reasons.join('; ')}`);
      }
      const parameters = parsed.data;
      return {
        name,
        pde,
        parameters,
        symbol: definition.linear(parameters),
        nonlinear: definition.nonlinear?.(parameters) ?? null,
        invariants: definition.invariants?.(parameters) ?? {},
      };
    },
  };
}
