/** `sextant solve`: an initial value problem on a periodic interval, from text to numbers and a picture. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { z } from 'zod';
import { checkOutputs, writeBytes } from '../output.ts';
import { npy } from '../../../datasets/npy.ts';
import { encodeNpz } from '../../../datasets/npz.ts';
import { spaceTimeSvg } from '../../../reports/fieldImage.ts';
import { equations, findEquation } from '../../../solvers/registry.ts';
import { resolveEquation, solve, type Solution } from '../../../solvers/solve.ts';
import { command } from '../command.ts';
import { asUsage, UsageError } from '../errors.ts';
import { formatNumber } from '../format.ts';
import type { Terminal } from '../terminal.ts';
import { constants, fileName, interval, nonEmpty, positiveNumber, wholeNumber } from '../text.ts';

const names = equations()
  .map(({ name }) => name)
  .join(', ');

/** The problem's own defaults: a registered equation has an example, a PDE as text needs everything that defines it. */
function problemOf(
  text: string,
  given: { domain?: [number, number]; initial?: string; time?: number; points?: number },
): { domain: [number, number]; initial: string; time: number; points: number } {
  if (!text.includes('=')) {
    const { domain, points, initial, time } = asUsage(() => findEquation(text)).example;
    const own = { domain: [...domain] as [number, number], points, initial, time };
    return {
      ...own,
      ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    };
  }
  for (const name of ['domain', 'initial', 'time'] as const) {
    if (given[name] === undefined)
      throw new UsageError(`--${name}: missing, an equation given as text needs it`);
  }
  return { points: 256, ...given } as {
    domain: [number, number];
    initial: string;
    time: number;
    points: number;
  };
}

export const build = (terminal: Terminal): Command =>
  command({
    name: 'solve',
    summary: 'solve a PDE given by name or as text',
    description:
      'Solves u_t = … for u(x, t) on a periodic interval with a fourth-order exponential integrator (exactly when the ' +
      `equation is linear) and says how accurate the answer is. Writes the numbers and a space-time picture. Equations known by name: ${names}.`,
    arguments: {
      equation: { help: 'a name, or the PDE as text: "u_t = -u*u_x - 0.0025*u_xxx"', schema: nonEmpty },
    },
    options: {
      domain: { value: 'a,b', help: 'the interval; u has period b − a', schema: interval.optional() },
      initial: { value: 'expression', help: 'u at time 0, in x: "cos(pi*x)"', schema: nonEmpty.optional() },
      time: { value: 'number', help: 'end time', schema: positiveNumber.optional() },
      points: { value: 'number', help: 'grid points (256)', schema: wholeNumber(2, 2 ** 22).optional() },
      step: {
        value: 'number',
        help: 'time step (chosen by the tolerance)',
        schema: positiveNumber.optional(),
      },
      tolerance: {
        value: 'number',
        help: 'wanted relative L2 error in time, at least 1e-14 (1e-6)',
        schema: positiveNumber.optional(),
      },
      parameters: {
        value: 'name=number,…',
        help: 'parameters of the equation, or constants of the text',
        schema: constants.optional(),
      },
      dealias: { help: 'apply the 2/3 rule', schema: z.boolean().default(false) },
      output: {
        value: 'file',
        help: 'x, t, u and error_estimate as .npz (solution.npz)',
        schema: fileName('.npz').default('solution.npz'),
      },
      picture: {
        value: 'file',
        help: 'the space-time picture as .svg (solution.svg)',
        schema: fileName('.svg').default('solution.svg'),
      },
      json: { help: 'print the summary as JSON', schema: z.boolean().default(false) },
    },
    examples: [
      'sextant solve "u_t = -u*u_x - 0.0025*u_xxx" --domain -1,1 --initial "cos(pi*x)" --time 1',
      'sextant solve burgers --output burgers.npz --picture burgers.svg',
    ],
    async run({ equation: text, parameters, output, picture, json, domain, initial, time, points, ...rest }) {
      const given = {
        ...(domain && { domain }),
        ...(initial !== undefined && { initial }),
        ...(time !== undefined && { time }),
        ...(points !== undefined && { points }),
      };
      const problem = problemOf(text, given);
      const equation = asUsage(() => resolveEquation(text, parameters));
      await checkOutputs([output, picture]);
      const solution = solve({
        ...problem,
        ...rest,
        equation,
        onProgress: ({ step, done, total }) =>
          terminal.progress.update({
            label: `solving with step ${formatNumber(step)}`,
            done,
            total,
            unit: 'steps',
            ...(rest.step === undefined && { detail: 'halved until it agrees with twice the step' }),
          }),
      });
      terminal.progress.clear();
      const { x, t, u, errorEstimate } = solution;
      const replaced = new Set([output, picture].filter((file) => existsSync(file)));
      const estimate = errorEstimate ? { error_estimate: npy(errorEstimate) } : {};
      const arrays = { x: npy(x), t: npy(t), u: npy(u, [t.length, x.length]), ...estimate };
      await writeBytes(output, encodeNpz(arrays));
      await writeBytes(picture, spaceTimeSvg({ x, t, u, title: equation.pde }));
      const summary = summaryOf(solution);
      if (json) {
        terminal.print(JSON.stringify({ ...summary, output, picture }, null, 2));
        return;
      }
      printSummary(terminal, summary);
      for (const file of [output, picture])
        terminal.print(`${replaced.has(file) ? 'replaced' : 'wrote'} ${file}`);
    },
  });

function summaryOf({ equation, x, t, step, errorEstimate, invariants, notes }: Solution) {
  return {
    equation: equation.pde,
    points: x.length,
    times: t.length,
    end: t[t.length - 1],
    step,
    errorEstimate: errorEstimate ? Math.max(...errorEstimate) : null,
    drift: Object.fromEntries(Object.entries(invariants).map(([name, { drift }]) => [name, drift])),
    notes,
  };
}

function printSummary(
  terminal: Terminal,
  { equation, points, times, end, step, errorEstimate, drift, notes }: ReturnType<typeof summaryOf>,
): void {
  terminal.print(equation);
  terminal.print(
    `${points} points, ${times} saved times up to t = ${end}${step === null ? '' : `, step ${formatNumber(step)}`}`,
  );
  if (step === null) terminal.print('exact in time (linear equation), up to rounding');
  else if (errorEstimate !== null)
    terminal.print(`relative error in time, estimated by step doubling: ${formatNumber(errorEstimate)}`);
  for (const [name, value] of Object.entries(drift))
    terminal.print(`drift of the ${name}: ${formatNumber(value)}`);
  for (const line of notes) terminal.print(`note: ${line}`);
}
