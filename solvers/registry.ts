/** The equations at hand: every file of `equations/`, by the name of the equation it exports. */
import { readdirSync } from 'node:fs';
import type { Equation } from './equation.ts';

const registry = new Map<string, Equation>();

const folder = new URL('./equations/', import.meta.url);
for (const file of readdirSync(folder).sort()) {
  if (!file.endsWith('.ts')) continue;
  const exported = (await import(new URL(file, folder).href)) as Record<string, Equation>;
  for (const equation of Object.values(exported)) registry.set(equation.name, equation);
}

/** All equations, by name. */
export const equations = (): readonly Equation[] => [...registry.values()];

/** The equation of that name. Throws, listing the names there are. */
export function findEquation(name: string): Equation {
  const found = registry.get(name);
  if (!found)
    throw new Error(`no equation is called "${name}"; there are ${[...registry.keys()].join(', ')}`);
  return found;
}
