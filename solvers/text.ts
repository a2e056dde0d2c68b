/**
 * PDEs as text: "u_t = -u*u_x - 0.0025*u_xxx", "u_t + u*u_x + u_xxx = 0".
 *
 * Terms that are a number times one derivative of u make up the linear part, treated exactly; everything else is evaluated
 * on the grid. Terms c·uⁿu_x are taken in conservation form, c/(n+1)·(uⁿ⁺¹)_x, which keeps the mass to rounding.
 */
import { add, power, scale, type Complex } from './complex.ts';
import type { BoundEquation } from './equation.ts';
import { functionNamed, parseExpression } from './expression.ts';
import * as field from './field.ts';
import type { Field } from './field.ts';
import { mass } from './invariants.ts';
import { contains, normalForm, scaled, type Atom, type Polynomial, type Term } from './polynomial.ts';

const ROLE = 'the equation';
const HIGHEST_ORDER = 12;

/**
 * Reads a PDE in u(x, t), first order in time. `constants` are further names beside pi and e, such as { nu: 0.1 }.
 * Throws with what to do when it is not one equation of that kind, has coefficients that depend on x or t, mixed or higher
 * time derivatives, unknown names, or a linear part that makes short waves grow without bound.
 */
export function parseEquation(text: string, constants: Readonly<Record<string, number>> = {}): BoundEquation {
  checkConstants(constants);
  const [left, right] = sides(text);
  const read = (side: string) =>
    normalForm(parseExpression(side, ROLE, constants), (name) => atomOf(name, constants));
  const terms = solveForTimeDerivative([...read(left), ...scaled(read(right), -1)]);
  checkFinite(terms);
  const linear = terms.filter(isLinear);
  const nonlinear = terms.filter((term) => !isLinear(term));
  checkWellPosed(linear);
  return {
    name: 'text',
    pde: text.trim(),
    parameters: constants,
    symbol: symbolOf(linear),
    nonlinear: nonlinear.length > 0 ? (u) => evaluate(nonlinear, u) : null,
    invariants: conservesMass(linear, nonlinear) ? { mass } : {},
  };
}

function sides(text: string): [string, string] {
  const parts = text.split('=');
  if (parts.length !== 2 || /[<>!:]$/.test(parts[0])) {
    throw new Error(`${ROLE} must have one equals sign, as in "u_t = -u*u_x - u_xxx", got "${text.trim()}"`);
  }
  return [parts[0], parts[1]];
}

function checkConstants(constants: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(constants)) {
    if (!/^[A-Za-z]\w*$/.test(name) || /^(u(_.*)?|x|t|e|pi)$/.test(name)) {
      throw new Error(`"${name}" cannot name a constant: take a name that is not u, u_…, x, t, e or pi`);
    }
    if (!Number.isFinite(value))
      throw new Error(`the constant ${name} must be a finite number, got ${value}`);
  }
}

function atomOf(name: string, constants: Readonly<Record<string, number>>): Atom {
  if (name === 'u') return { kind: 'derivative', order: 0 };
  if (name === 'u_t') return { kind: 'timeDerivative' };
  if (/^u_x+$/.test(name)) {
    const order = name.length - 2;
    if (order > HIGHEST_ORDER)
      throw new Error(`${name} is a derivative of order ${order}; at most ${HIGHEST_ORDER} are read`);
    return { kind: 'derivative', order };
  }
  throw new Error(whyNot(name, constants));
}

function whyNot(name: string, constants: Readonly<Record<string, number>>): string {
  if (/^u_t{2,}$/.test(name)) {
    return `${name} makes the equation of higher order in time; only u_t is solved: write it as a first-order system in another tool`;
  }
  if (/^u_[xt]+$/.test(name))
    return `${name} mixes derivatives in x and t; only pure derivatives u_x, u_xx, … and u_t are solved`;
  if (/^u_[xyz]+$/.test(name))
    return `${name} is a derivative in a second dimension; only u(x, t) with one x is solved`;
  if (name === 'x') {
    return 'a coefficient depends on x; coefficients must be constant, because the linear part is solved mode by mode in Fourier space, where x couples all modes';
  }
  if (name === 't')
    return 'a coefficient depends on t; coefficients must be constant, because the propagator of one step is used for all steps';
  if (name === 'ut' || name === 'du' || name === 'dt')
    return `"${name}" is not known: write the time derivative as u_t`;
  if (/^ux+$/.test(name)) return `"${name}" is not known: write u_${name.slice(1)}`;
  const known = ['u', 'u_t', 'u_x', 'u_xx', '…', 'pi', 'e', ...Object.keys(constants)].join(', ');
  return `the name "${name}" is not known; there are ${known}: put in its value, or give it as a constant (${name} = …)`;
}

/** From "all terms = 0" to the terms of u_t. */
function solveForTimeDerivative(all: Polynomial): Polynomial {
  const isTimeTerm = ({ factors }: Term) =>
    factors.length === 1 && factors[0].atom.kind === 'timeDerivative' && factors[0].exponent === 1;
  const coefficient = all.filter(isTimeTerm).reduce((total, term) => total + term.coefficient, 0);
  const rest = all.filter((term) => !isTimeTerm(term));
  if (contains(rest, 'timeDerivative')) {
    throw new Error(
      'u_t is multiplied or inside a function; it must stand alone, times a number at most: divide the equation through',
    );
  }
  if (coefficient === 0)
    throw new Error('the equation has no u_t: only problems that evolve in time are solved');
  return scaled(normalise(rest), -1 / coefficient);
}

/** Adds up equal terms of both sides. */
const normalise = (terms: Polynomial): Polynomial => scaled(terms, 1);

const linearOrder = ({ factors }: Term): number | null =>
  factors.length === 1 && factors[0].exponent === 1 && factors[0].atom.kind === 'derivative'
    ? factors[0].atom.order
    : null;

const isLinear = (term: Term): boolean => linearOrder(term) !== null;

const symbolOf =
  (linear: readonly Term[]) =>
  (ik: Complex): Complex =>
    add(...linear.map((term) => scale(term.coefficient, power(ik, linearOrder(term)!))));

/** The highest even derivative decides what becomes of short waves: its symbol must not grow. */
function checkWellPosed(linear: readonly Term[]): void {
  const even = linear.filter((term) => linearOrder(term)! > 0 && linearOrder(term)! % 2 === 0);
  if (even.length === 0) return;
  const highest = even.reduce((a, b) => (linearOrder(b)! > linearOrder(a)! ? b : a));
  const order = linearOrder(highest)!;
  if (highest.coefficient * (order % 4 === 0 ? 1 : -1) > 0) {
    throw new Error(
      `the term ${highest.coefficient}*u_${'x'.repeat(order)} makes short waves grow without bound, so the problem is ill-posed: check its sign`,
    );
  }
}

/** A number that is none (sqrt(-1), log(0), 1e308*10) would only show in the solution. */
function checkFinite(terms: Polynomial): void {
  for (const { coefficient, factors } of terms) {
    const exponent = factors.find((factor) => !Number.isFinite(factor.exponent))?.exponent;
    if (Number.isFinite(coefficient) && exponent === undefined) continue;
    throw new Error(
      `${ROLE} has ${exponent === undefined ? `the coefficient ${coefficient}` : `the exponent ${exponent}`}: ` +
        'every number in it must be finite, so look for roots or logarithms of negative numbers, overflow, and division by zero',
    );
  }
}

const conservesMass = (linear: readonly Term[], nonlinear: readonly Term[]): boolean =>
  linear.every((term) => linearOrder(term)! > 0) && nonlinear.every((term) => fluxPower(term) !== null);

/** n for a term c·uⁿ·u_x with whole n ≥ 1, otherwise null. */
function fluxPower({ factors }: Term): number | null {
  if (factors.length !== 2) return null;
  const [u, slope] = factors;
  const matches =
    u.atom.kind === 'derivative' &&
    u.atom.order === 0 &&
    slope.atom.kind === 'derivative' &&
    slope.atom.order === 1;
  return matches && slope.exponent === 1 && Number.isInteger(u.exponent) && u.exponent >= 1
    ? u.exponent
    : null;
}

/** A polynomial in u and its derivatives as a field; each derivative is taken once. */
function evaluate(polynomial: Polynomial, u: Field): Field {
  const derivatives = new Map<number, Field>([[0, u]]);
  const derivative = (order: number): Field => {
    let result = derivatives.get(order);
    if (!result) derivatives.set(order, (result = field.derivative(u, order)));
    return result;
  };
  const sumOf = (terms: Polynomial): Field => {
    const [first, ...others] = terms.map(termValue);
    return field.sum(first, ...others);
  };
  const termValue = (term: Term): Field => {
    const n = fluxPower(term);
    if (n !== null) return field.scale(term.coefficient / (n + 1), field.derivative(field.powerOf(u, n + 1)));
    if (term.factors.length === 0) return field.constant(u.grid, term.coefficient);
    const factors = term.factors.map(({ atom, exponent }) =>
      exponent === 1 ? value(atom) : field.powerOf(value(atom), exponent),
    );
    return field.scale(term.coefficient, factors.reduce(field.product));
  };
  const value = (atom: Atom): Field => {
    switch (atom.kind) {
      case 'derivative':
        return derivative(atom.order);
      case 'call':
        return field.map(sumOf(atom.argument), functionNamed(atom.name));
      case 'group':
        return sumOf(atom.content);
      case 'timeDerivative':
        throw new Error('u_t cannot be evaluated on the grid');
    }
  };
  return sumOf(polynomial);
}
