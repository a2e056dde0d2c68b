/**
 * Formulas as text. mathjs parses; what it returns is rebuilt here from an allow-list of numbers, names, + − * / ^ and
 * functions of one number, so that no text, whatever it says, is ever run as code.
 */
import { createRequire } from 'node:module';
import type * as MathJs from 'mathjs';

type MathNode = MathJs.MathNode;
/** Loaded with the first text: mathjs takes a second to load, which worker threads and registered equations can do without. */
const loadParser = (): typeof MathJs.parse =>
  (createRequire(import.meta.url)('mathjs/number') as Pick<typeof MathJs, 'parse'>).parse;

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'negation'; readonly argument: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'call'; readonly name: string; readonly argument: Expression };

export type BinaryOperator = '+' | '-' | '*' | '/' | '^';

const MAXIMUM_LENGTH = 1000;

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  abs: Math.abs,
  atan: Math.atan,
  cos: Math.cos,
  cosh: Math.cosh,
  exp: Math.exp,
  log: Math.log,
  sech: (x) => 1 / Math.cosh(x),
  sign: Math.sign,
  sin: Math.sin,
  sinh: Math.sinh,
  sqrt: Math.sqrt,
  tan: Math.tan,
  tanh: Math.tanh,
};

const OPERATORS: Readonly<Record<BinaryOperator, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '^': (a, b) => a ** b,
};

/** The function of that name. Throws, listing the functions there are. */
export function functionNamed(name: string): (x: number) => number {
  if (!Object.hasOwn(FUNCTIONS, name)) {
    throw new Error(`the function "${name}" is not known; there are ${Object.keys(FUNCTIONS).join(', ')}`);
  }
  return FUNCTIONS[name];
}

/**
 * Text to expression; pi, e and the given constants become numbers. `role` names the text in messages.
 * Throws when the text is no formula or uses anything outside the allow-list.
 */
export function parseExpression(
  text: string,
  role: string,
  constants: Readonly<Record<string, number>> = {},
): Expression {
  if (text.trim() === '') throw new Error(`${role} is empty`);
  if (text.length > MAXIMUM_LENGTH)
    throw new Error(`${role} has ${text.length} characters; at most ${MAXIMUM_LENGTH} are read`);
  let node: MathNode;
  try {
    node = loadParser()(text);
  } catch (error) {
    throw new Error(
      `${role} "${text.trim()}" cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  return rebuild(node, role, { ...constants, ...CONSTANTS });
}

/** Text in one variable to a function of it. Throws as `parseExpression` does, and for any other name. */
export function compileFunction(text: string, variable: string, role: string): (value: number) => number {
  return compile(parseExpression(text, role), variable, role);
}

function compile(expression: Expression, variable: string, role: string): (value: number) => number {
  switch (expression.kind) {
    case 'number': {
      const { value } = expression;
      return () => value;
    }
    case 'name':
      if (expression.name !== variable) {
        throw new Error(
          `${role} uses the unknown name "${expression.name}": it may use ${variable}, pi, e and numbers`,
        );
      }
      return (value) => value;
    case 'negation': {
      const argument = compile(expression.argument, variable, role);
      return (value) => -argument(value);
    }
    case 'call': {
      const f = functionNamed(expression.name);
      const argument = compile(expression.argument, variable, role);
      return (value) => f(argument(value));
    }
    case 'binary': {
      const left = compile(expression.left, variable, role);
      const right = compile(expression.right, variable, role);
      const operate = OPERATORS[expression.operator];
      return (value) => operate(left(value), right(value));
    }
  }
}

function rebuild(node: MathNode, role: string, constants: Readonly<Record<string, number>>): Expression {
  const inner = (child: MathNode) => rebuild(child, role, constants);
  if (is.parenthesis(node)) return inner(node.content);
  if (is.constant(node) && typeof node.value === 'number') return { kind: 'number', value: node.value };
  if (is.symbol(node)) {
    return Object.hasOwn(constants, node.name)
      ? { kind: 'number', value: constants[node.name] }
      : { kind: 'name', name: node.name };
  }
  if (is.operator(node)) {
    if (node.fn === 'unaryMinus') return { kind: 'negation', argument: inner(node.args[0]) };
    if (node.fn === 'unaryPlus') return inner(node.args[0]);
    if (Object.hasOwn(OPERATORS, node.op) && node.args.length === 2) {
      return {
        kind: 'binary',
        operator: node.op as BinaryOperator,
        left: inner(node.args[0]),
        right: inner(node.args[1]),
      };
    }
  }
  if (is.call(node) && is.symbol(node.fn) && node.args.length === 1) {
    const { name } = node.fn;
    // "u(u_x)" is how a forgotten multiplication sign reads.
    functionNamed(name);
    return { kind: 'call', name, argument: inner(node.args[0]) };
  }
  throw new Error(
    `${role} contains "${node.toString().replaceAll(/\s+/g, ' ')}", which is not allowed: use numbers, names, + - * / ^, parentheses and ${Object.keys(FUNCTIONS).join(', ')} of one argument`,
  );
}

/** The kinds of node that are let in, recognised by the tag mathjs gives each. */
const is = {
  parenthesis: (node: MathNode): node is MathNode & { content: MathNode } => node.type === 'ParenthesisNode',
  constant: (node: MathNode): node is MathNode & { value: unknown } => node.type === 'ConstantNode',
  symbol: (node: MathNode): node is MathNode & { name: string } => node.type === 'SymbolNode',
  operator: (node: MathNode): node is MathNode & { op: string; fn: string; args: MathNode[] } =>
    node.type === 'OperatorNode',
  call: (node: MathNode): node is MathNode & { fn: MathNode; args: MathNode[] } =>
    node.type === 'FunctionNode',
};
