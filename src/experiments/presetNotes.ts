/** What a table has otherwise than the preset it is named after, said where the table is read and not in its command only. */
import path from 'node:path';
import { canonicalJson } from '../runs/index.ts';
import { configure, flagOf, type Configuration } from './configuration.ts';
import type { Experiment } from './experiment.ts';

/** More entries of an axis than these are counted, not named. */
const NAMED = 6;

const nameOf = (key: string): string => flagOf(key).slice('--'.length);

/** A result may be published: of a path it says the last part. */
const wordOf = (value: unknown): string =>
  typeof value === 'string' ? path.basename(value) : Array.isArray(value) ? value.join(', ') : String(value);

const listOf = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;

/** Values that all jobs share, against those of the preset. */
function valueNote(
  experiment: Experiment,
  preset: string,
  plain: Configuration,
  given: Configuration,
): string[] {
  // How data are made says nothing of a file's.
  const skipped = [...experiment.axes, ...(experiment.ownData?.(given)?.unused ?? [])];
  const keys = [...new Set([...Object.keys(plain), ...Object.keys(given)])].filter(
    (key) => !skipped.includes(key) && canonicalJson(plain[key]) !== canonicalJson(given[key]),
  );
  const said = (config: Configuration): string =>
    listOf(
      keys.map((key) =>
        config[key] === undefined ? `no ${nameOf(key)}` : `${nameOf(key)} ${wordOf(config[key])}`,
      ),
    );
  return keys.length ? [`The preset ${preset} has ${said(plain)}; this table has ${said(given)}.`] : [];
}

/** Entries of the preset's axes that the table leaves out. */
function axisNote(
  experiment: Experiment,
  preset: string,
  plain: Configuration,
  given: Configuration,
): string[] {
  const listed = (config: Configuration, axis: string): readonly unknown[] => {
    const value = config[axis];
    return Array.isArray(value) ? value : [];
  };
  // What follows from a user's own data has nothing to do with the preset.
  const skipped = Object.keys(experiment.ownData?.(given)?.defaults ?? {});
  const axes = experiment.axes.filter((axis) => !skipped.includes(axis));
  const parts = axes.flatMap((axis): string[] => {
    const asked = listed(given, axis);
    const all = listed(plain, axis);
    const missing = all.filter((value) => !asked.includes(value));
    if (!missing.length) return [];
    const what =
      missing.length > NAMED ? `${missing.length} of ${all.length}` : missing.map(wordOf).join(', ');
    return [`${nameOf(axis)} ${what}`];
  });
  return parts.length ? [`The preset ${preset} also has ${parts.join('; ')}.`] : [];
}

/**
 * Where a configuration differs from its preset: one note for the values that all jobs share, and one for what is left out of the
 * axes. Entries beyond those of the preset are seen in the table and need none.
 */
export function presetNotes(experiment: Experiment, preset: string, given: Configuration): string[] {
  const plain = configure(experiment, preset);
  return [valueNote, axisNote].flatMap((note) => note(experiment, preset, plain, given));
}
