/**
 * Normal form of the right-hand side of a PDE: a sum of terms, each a number times powers of u, u_x, u_xx, … and of
 * formulas that have no such form (sin(u), 1/(1 + u^2)). It shows which terms are linear.
 */
import { functionNamed, type Expression } from './expression.ts';

/** What may be raised to a power in a term: a derivative of u, the time derivative, or any other formula. */
export type Atom =
  | { readonly kind: 'derivative'; readonly order: number }
  | { readonly kind: 'timeDerivative' }
  | { readonly kind: 'call'; readonly name: string; readonly argument: Polynomial }
  | { readonly kind: 'group'; readonly content: Polynomial };

export interface Factor {
  readonly atom: Atom;
  readonly exponent: number;
}

export interface Term {
  readonly coefficient: number;
  /** Sorted, each atom once, no exponent 0. */
  readonly factors: readonly Factor[];
}

/** A sum of terms with different factors, none with coefficient 0. */
export type Polynomial = readonly Term[];

/** Products of sums are multiplied out up to this many terms, and kept as a group beyond. */
const MAXIMUM_TERMS = 64;

/** The normal form of an expression; `atomOf` reads the names (and refuses those that have no place). */
export function normalForm(expression: Expression, atomOf: (name: string) => Atom): Polynomial {
  const inner = (e: Expression) => normalForm(e, atomOf);
  switch (expression.kind) {
    case 'number':
      return constantPolynomial(expression.value);
    case 'name':
      return single(atomOf(expression.name), 1);
    case 'negation':
      return scaled(inner(expression.argument), -1);
    case 'call': {
      const argument = inner(expression.argument);
      const value = constantValue(argument);
      if (value !== null) return constantPolynomial(functionNamed(expression.name)(value));
      return single({ kind: 'call', name: expression.name, argument }, 1);
    }
    case 'binary': {
      const left = inner(expression.left);
      const right = inner(expression.right);
      switch (expression.operator) {
        case '+':
          return collect([...left, ...right]);
        case '-':
          return collect([...left, ...scaled(right, -1)]);
        case '*':
          return times(left, right);
        case '/':
          return times(left, raise(right, -1));
        case '^': {
          const exponent = constantValue(right);
          if (exponent === null)
            throw new Error('an exponent must be a number: write exp(…) for other powers');
          return raise(left, exponent);
        }
      }
    }
  }
}

/** The value of a polynomial without factors (0 for the empty one), or null. */
function constantValue(polynomial: Polynomial): number | null {
  if (polynomial.length === 0) return 0;
  return polynomial.length === 1 && polynomial[0].factors.length === 0 ? polynomial[0].coefficient : null;
}

/** Whether an atom occurs anywhere, inside functions and groups too. */
export function contains(polynomial: Polynomial, kind: Atom['kind']): boolean {
  return polynomial.some(({ factors }) =>
    factors.some(({ atom }) => {
      if (atom.kind === kind) return true;
      if (atom.kind === 'call') return contains(atom.argument, kind);
      return atom.kind === 'group' && contains(atom.content, kind);
    }),
  );
}

/** factor · polynomial. */
export const scaled = (polynomial: Polynomial, factor: number): Polynomial =>
  collect(polynomial.map((term) => ({ ...term, coefficient: factor * term.coefficient })));

const constantPolynomial = (value: number): Polynomial => collect([{ coefficient: value, factors: [] }]);
const single = (atom: Atom, exponent: number): Polynomial => [
  { coefficient: 1, factors: [{ atom, exponent }] },
];

function times(a: Polynomial, b: Polynomial): Polynomial {
  if (a.length * b.length > MAXIMUM_TERMS) return multiplyOut(grouped(a), grouped(b));
  return multiplyOut(a, b);
}

const multiplyOut = (a: Polynomial, b: Polynomial): Polynomial =>
  collect(
    a.flatMap((left) =>
      b.map((right) => ({
        coefficient: left.coefficient * right.coefficient,
        factors: mergeFactors([...left.factors, ...right.factors]),
      })),
    ),
  );

function raise(base: Polynomial, exponent: number): Polynomial {
  const value = constantValue(base);
  if (value !== null) {
    const power = value ** exponent;
    if (!Number.isFinite(power))
      throw new Error(`${value}^${exponent} is not a number: division by zero or root of a negative`);
    return constantPolynomial(power);
  }
  if (exponent === 0) return constantPolynomial(1);
  if (
    base.length > 1 &&
    Number.isInteger(exponent) &&
    exponent > 0 &&
    base.length ** exponent <= MAXIMUM_TERMS
  ) {
    let result = base;
    for (let i = 1; i < exponent; i++) result = times(result, base);
    return result;
  }
  // (c·uᵃ)ᵇ is cᵇ·uᵃᵇ for whole b; for broken b only where the root is of one positive-coefficient plain atom.
  const [term] = base;
  const plain = base.length === 1 && (Number.isInteger(exponent) || (term.coefficient > 0 && isPlain(term)));
  if (!plain) return single({ kind: 'group', content: base }, exponent);
  const coefficient = term.coefficient ** exponent;
  if (!Number.isFinite(coefficient) || coefficient === 0)
    throw new Error(
      `${term.coefficient}^${exponent} is beyond the range of double precision: scale the equation`,
    );
  return collect([
    {
      coefficient,
      factors: term.factors.map((factor) => ({ atom: factor.atom, exponent: factor.exponent * exponent })),
    },
  ]);
}

/** √(u²) is |u|, not u: only a first power may be merged with a broken exponent. */
const isPlain = (term: Term): boolean => term.factors.length === 1 && term.factors[0].exponent === 1;

const grouped = (polynomial: Polynomial): Polynomial =>
  polynomial.length <= 1 ? polynomial : single({ kind: 'group', content: polynomial }, 1);

const keyOf = (atom: Atom): string => JSON.stringify(atom);

function mergeFactors(factors: readonly Factor[]): Factor[] {
  const merged = new Map<string, Factor>();
  for (const factor of factors) {
    const key = keyOf(factor.atom);
    merged.set(key, { atom: factor.atom, exponent: (merged.get(key)?.exponent ?? 0) + factor.exponent });
  }
  return [...merged.entries()]
    .filter(([, factor]) => factor.exponent !== 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, factor]) => factor);
}

function collect(terms: readonly Term[]): Polynomial {
  const collected = new Map<string, Term>();
  for (const term of terms) {
    const key = JSON.stringify(term.factors);
    collected.set(key, { ...term, coefficient: (collected.get(key)?.coefficient ?? 0) + term.coefficient });
  }
  return [...collected.values()].filter((term) => term.coefficient !== 0);
}
