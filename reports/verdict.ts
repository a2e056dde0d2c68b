/** One paragraph that says what the table says: who leads, by how much, against which baseline and which published value. */
import type { Condition } from '../src/runs/schema.ts';
import { beatsEveryTrained, directionOf, kindOf, rank, type Direction, type Ranking } from './compare.ts';
import { conditionKey, type Overview } from './conditions.ts';
import { capitalised, formatMeanStd, formatNumber, listWords, plural } from './format.ts';
import { html, type Html } from './html.ts';
import type { Row } from './input.ts';
import type { MetricGroup } from './metrics.ts';

interface Case {
  where: string;
  ranking: Ranking;
}

/** Up to this many conditions each get their own sentence; more are counted. */
const sentencesAtMost = 4;

const value = (row: Row): string => formatMeanStd(row.mean, row.std);

const leadSentence = ({ where, ranking }: Case, extreme: string, repetition: string): string => {
  const [first, second] = ranking.trained;
  switch (ranking.lead) {
    case 'none':
      return `No trained model has a value yet${where}.`;
    case 'alone':
      return `The only trained model${where} is ${first.model} with ${value(first)}.`;
    case 'apart':
      return `${first.model} has the ${extreme} value${where}, ${value(first)}; its lead over ${second.model} (${value(second)}) exceeds the noise between ${repetition}s.`;
    case 'tie':
      return `${first.model} (${value(first)}) and ${second.model} (${value(second)}) cannot be told apart${where}: their difference is within the noise between ${repetition}s.`;
    case 'unknown':
      return `${first.model} (${value(first)}) has the ${extreme} value${where}, before ${second.model} (${value(second)}); with one ${repetition} no claim is made.`;
  }
};

/** Where one model stands alone there is nothing to compare. */
const plainSentence = ({ where, ranking: { trained } }: Case, metric: string): string =>
  `${capitalised(metric)}${where}: ${trained.length ? `${value(trained[0])} (${trained[0].model})` : 'no value yet'}.`;

const countSentence = (cases: readonly Case[], extreme: string): string => {
  const firsts = new Map<string, { clear: number; all: number }>();
  for (const { ranking } of cases) {
    const first = ranking.trained[0];
    if (!first) continue;
    const count = firsts.get(first.model) ?? { clear: 0, all: 0 };
    count.all++;
    if (ranking.lead === 'apart') count.clear++;
    firsts.set(first.model, count);
  }
  const parts = [...firsts].map(
    ([model, { clear, all }]) =>
      `${model} under ${all} (${clear === all ? 'each' : clear ? `${clear} of them` : 'none of them'} beyond the noise)`,
  );
  if (!parts.length) return 'No trained model has a value yet.';
  const measured = cases.map(({ ranking }) =>
    JSON.stringify(ranking.trained.map(({ model }) => model).sort()),
  );
  const gaps = new Set(measured).size > 1 ? '; not every model was measured under each of them' : '';
  return `Of ${plural(cases.length, 'condition')}, the ${extreme} value belongs to ${listWords(parts)}${gaps}.`;
};

/** What no model can pass is no baseline that beats them. */
const limitSentence = ({ rows }: MetricGroup, direction: Direction): string | null => {
  const limits = rows.filter(({ limit, mean }) => limit && mean !== null);
  if (!limits.length || direction === 'neither') return null;
  const names = listWords([...new Set(limits.map(({ model }) => model))]);
  const values = limits.length <= sentencesAtMost ? ` (${limits.map(value).join(', ')})` : '';
  return `No model can pass the ${kindOf(limits[0], direction)}, ${names}${values}, but for chance.`;
};

const baselineSentence = (cases: readonly Case[], direction: Direction, single: boolean): string | null => {
  const judged = cases.filter(({ ranking }) => ranking.baselines.length && ranking.trained.length);
  if (!judged.length)
    return cases.some(({ ranking }) => ranking.trained.length) ? 'No trivial baseline was measured.' : null;
  const beaten = judged.filter(({ ranking }) => beatsEveryTrained(ranking.baselines[0], ranking, direction));
  const strongest = [...new Set(judged.map(({ ranking }) => ranking.baselines[0].model))];
  const values =
    judged.length <= sentencesAtMost
      ? ` (${judged.map(({ ranking }) => value(ranking.baselines[0])).join(', ')})`
      : '';
  const who = `the strongest trivial baseline, ${listWords(strongest)}${values},`;
  if (beaten.length === judged.length)
    return `Beware: ${who} beats every trained model${single ? '' : ' everywhere'}.`;
  if (beaten.length)
    return `Beware: ${who} beats every trained model${beaten.map(({ where }) => where).join(' and')}.`;
  const all = judged.every(({ ranking }) =>
    ranking.trained.every(
      (row) => !beatsEveryTrained(ranking.baselines[0], { ...ranking, trained: [row] }, direction),
    ),
  );
  return `${capitalised(who)} is beaten by ${all ? 'every trained model' : 'the best trained model'}${single ? '' : ' everywhere'}.`;
};

/** Ours over the published value, where both are positive. */
export const overPublished = ({ mean, published }: Row): number | null =>
  mean !== null && published !== null && mean > 0 && published > 0 ? mean / published : null;

const publishedSentence = ({ rows }: MetricGroup, { conditions }: Overview): string | null => {
  // Log densities and gains may be of either sign, and their ratios say nothing.
  if (rows.some(({ mean, published }) => (mean ?? 1) <= 0 || (published ?? 1) <= 0)) return null;
  const ratios = rows
    .flatMap((row) => {
      const ratio = row.baseline ? null : overPublished(row);
      return ratio === null ? [] : [{ ratio, row }];
    })
    .sort((a, b) => a.ratio - b.ratio);
  if (!ratios.length) return null;
  const name = ({ row }: { row: Row }): string =>
    conditions.list.length > 1 ? `${row.model}, ${conditions.label(row.condition)}` : row.model;
  const [low, high] = [ratios[0], ratios[ratios.length - 1]];
  if (ratios.length === 1)
    return `Ours is ${formatNumber(low.ratio)} times the published value (${name(low)}).`;
  return `Ours is between ${formatNumber(low.ratio)} (${name(low)}) and ${formatNumber(high.ratio)} (${name(high)}) times the published value.`;
};

/** The verdict on one metric as sentences, computed from the rows alone. */
export function verdict(group: MetricGroup, view: Overview): string[] {
  const direction = directionOf(group.metric);
  // A table of facts has nobody to judge.
  if (direction === 'neither' || group.rows.every(({ baseline }) => baseline)) return [];
  const extreme = direction === 'lower' ? 'lowest' : 'highest';
  const at = (condition: Condition): Row[] =>
    group.rows.filter((row) => conditionKey(row.condition) === conditionKey(condition));
  const conditions = view.conditions.list.filter((condition) => at(condition).length);
  const single = view.conditions.list.length === 1;
  const cases = conditions.map((condition) => ({
    where: single ? '' : ` at ${view.conditions.label(condition)}`,
    ranking: rank(at(condition), direction),
  }));
  const nothingBeside = ({ ranking }: Case): boolean =>
    ranking.trained.length <= 1 && !ranking.baselines.length;
  if (cases.every(nothingBeside) && !group.rows.some(({ published }) => published !== null)) {
    return cases.map((one) => plainSentence(one, group.metric));
  }
  const leads =
    cases.length > sentencesAtMost
      ? [countSentence(cases, extreme)]
      : cases.map((one) => leadSentence(one, extreme, view.repetition));
  return [
    ...leads,
    baselineSentence(cases, direction, single),
    limitSentence(group, direction),
    publishedSentence(group, view),
  ].filter((sentence) => sentence !== null);
}

/** Sentences as one paragraph; many of them as a list. */
export const prose = (sentences: readonly string[], name: string): Html | null => {
  if (sentences.length === 0) return null;
  return sentences.length > 3
    ? html`<ul class="${name}">
        ${sentences.map((sentence) => html`<li>${sentence}</li>`)}
      </ul>`
    : html`<p class="${name}">${sentences.join(' ')}</p>`;
};
