/** Which operators the mathematics allows at a number of points, and what to say of those that it does not. */
import { getOperator, operatorNames, type Operator } from '../operators/index.ts';

/** Why an operator cannot be trained at so many points; null where it can. */
export function refusalAt(points: number, operator: Operator): string | null {
  try {
    operator.checkResolution(points);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The operators of the registry that so many points allow, and the others by the reason why not. */
export function operatorsAt(points: number): {
  readonly allowed: readonly string[];
  readonly refused: ReadonlyMap<string, readonly string[]>;
} {
  const allowed: string[] = [];
  const refused = new Map<string, string[]>();
  for (const model of operatorNames) {
    const reason = refusalAt(points, getOperator(model));
    if (reason === null) allowed.push(model);
    else refused.set(reason, [...(refused.get(reason) ?? []), model]);
  }
  return { allowed, refused };
}

/**
 * Refuses models that cannot be trained at so many points, with those that can.
 *
 * @throws naming all of them, the reason of the first, and the models of `--models`, where there is such a flag, that can.
 */
export function requireResolution(
  points: number,
  models: readonly { readonly name: string; readonly operator: Operator }[],
  chosenByFlag: boolean,
): void {
  const refused = models.flatMap(({ name, operator }) => {
    const reason = refusalAt(points, operator);
    return reason === null ? [] : [{ name, reason }];
  });
  if (!refused.length) return;
  const who = refused.map(({ name }) => name).join(', ');
  const those = models.map(({ name }) => name).filter((name) => refused.every((one) => one.name !== name));
  const able = those.length ? those : operatorsAt(points).allowed;
  const wayOut = chosenByFlag && able.length ? `; --models ${able.join(',')} can` : '';
  throw new Error(`${who} cannot be trained at ${points} points (${refused[0].reason})${wayOut}`);
}
