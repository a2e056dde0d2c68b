/**
 * Checkpoints of a training. `last.safetensors` is the whole truth: parameters, optimiser state, the best parameters so far
 * and, in the header, where the training stood. It is replaced in one rename, so nothing in it can be torn apart.
 * `recent.safetensors` is of the same kind: the epochs since `last`, renamed into place but not flushed to the disk, because
 * flushing after every short epoch would take longer than training it. A killed process loses nothing of it; after a power
 * cut it may be missing or cut short, and `last` counts.
 * `last.json`, `best.safetensors` and `best.json` are copies of parts of it for readers; a resumed training never reads
 * them and writes them anew.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { NDArray } from '../tensor/index.ts';
import { messageOf, namedLeaves, packNamed, readTensorFile, writeAtomic } from './files.ts';
import type { Layout } from './parameters.ts';
import { encodeSafetensors } from './safetensors.ts';
import type { TrainingState } from './step.ts';

const epochLineSchema = z.object({
  /** Completed epochs, from 1. */
  epoch: z.number().int().positive(),
  /** Mean loss over the epoch's samples, each at the parameters of its own step. */
  train: z.number(),
  /** Mean metric over the validation split after the epoch, null without one. */
  validation: z.number().nullable(),
  /** Of the epoch's last step. */
  learningRate: z.number(),
  /** Training time since the start of the training, resumed parts added up. */
  seconds: z.number(),
  /** Mean over the epoch's steps, before clipping. */
  gradientNorm: z.number(),
});
export type EpochLine = z.infer<typeof epochLineSchema>;

/** Settings that must not change between the parts of one training. */
export type Fingerprint = Readonly<Record<string, string | number | null>>;

const metadataSchema = z.object({
  epoch: z.number().int().nonnegative(),
  seconds: z.number().nonnegative(),
  best: z.object({ epoch: z.number().int(), validation: z.number() }).nullable(),
  patience: z.object({ reference: z.number().nullable(), waited: z.number().int() }),
  fingerprint: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  history: z.array(epochLineSchema),
});
type Metadata = z.infer<typeof metadataSchema>;

/** A training between two epochs: everything that the epochs to come depend on, and what its result reports. */
export interface Progress {
  /** Completed epochs. */
  readonly epoch: number;
  readonly state: TrainingState;
  readonly best: { readonly epoch: number; readonly validation: number; readonly parameters: NDArray } | null;
  /** The value that early stopping wants to see beaten, and for how many epochs it has not been. */
  readonly patience: { readonly reference: number | null; readonly waited: number };
  readonly history: readonly EpochLine[];
  readonly seconds: number;
}

export interface CheckpointOptions {
  readonly folder: string;
  readonly layout: Layout;
  /** Names of the state's vectors; `evaluated` is the one that readers want as the model's parameters. */
  readonly names: readonly string[];
  readonly evaluated: number;
  readonly fingerprint: Fingerprint;
  /** Least time between two checkpoints that are flushed to the disk. */
  readonly intervalSeconds: number;
}

export interface Checkpoints {
  /** Where the training stood, or null when it has not begun. */
  load(): Promise<Progress | null>;
  /** Writes, flushed unless the last flush is younger than the interval; `now` flushes anyway (and nothing twice). */
  save(progress: Progress, options?: { readonly now?: boolean }): Promise<void>;
}

const KEY = 'training';

/** The two checkpoints in a folder, which is made when it is missing. */
export function openCheckpoints(options: CheckpointOptions): Checkpoints {
  const { folder, intervalSeconds } = options;
  const last = path.join(folder, 'last.safetensors');
  const recent = path.join(folder, 'recent.safetensors');
  let savedEpoch: number | null = null;
  let savedBest: number | null = null;
  let savedAt = -Infinity;
  return {
    async load() {
      const flushed = await loadProgress(last, options);
      if (!flushed) return null;
      // A power cut may have left anything of a file that was not flushed; then the flushed one is the newest there is.
      const newer = await loadProgress(recent, options).catch(() => null);
      return newer && newer.epoch > flushed.epoch ? newer : flushed;
    },
    async save(progress, { now = false } = {}) {
      if (savedEpoch === progress.epoch) return;
      const metadata = metadataOf(progress, options.fingerprint);
      const text = JSON.stringify(metadata);
      const bytes = encodeSafetensors(tensorsOf(progress, options), { [KEY]: text });
      if (!now && performance.now() - savedAt < 1000 * intervalSeconds) {
        await writeAtomic(recent, bytes, { flush: false });
        return;
      }
      await makeFolder(folder);
      await writeAtomic(last, bytes);
      await fs.rm(recent, { force: true });
      await writeAtomic(path.join(folder, 'last.json'), text);
      if (progress.best && savedBest !== progress.best.epoch) await saveBest(progress.best, options);
      savedBest = progress.best?.epoch ?? null;
      savedEpoch = progress.epoch;
      savedAt = performance.now();
    },
  };
}

async function loadProgress(file: string, options: CheckpointOptions): Promise<Progress | null> {
  const content = await readTensorFile(file);
  if (!content) return null;
  const metadata = parseMetadata(content.metadata[KEY], file);
  checkFingerprint(metadata.fingerprint, options.fingerprint, file);
  return progressOf(content.tensors, metadata, file, options);
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { recursive: true });
  } catch (error) {
    throw new Error(`cannot make the folder ${folder} (${messageOf(error)}); choose another one`, {
      cause: error,
    });
  }
}

async function saveBest(
  { epoch, validation, parameters }: NonNullable<Progress['best']>,
  { folder, layout }: CheckpointOptions,
): Promise<void> {
  const text = JSON.stringify({ epoch, validation });
  const bytes = encodeSafetensors(namedLeaves(parameters, layout), { best: text });
  await writeAtomic(path.join(folder, 'best.safetensors'), bytes);
  await writeAtomic(path.join(folder, 'best.json'), text);
}

/** Names with a slash cannot be paths of leaves by accident: those are joined by dots. */
const vectorName = (name: string): string => `${KEY}/${name}`;

function tensorsOf({ state, best }: Progress, options: CheckpointOptions): Record<string, NDArray> {
  const { names, evaluated, layout } = options;
  const vectors = names.flatMap((name, i) =>
    i === evaluated ? [] : [[vectorName(name), state[i]] as const],
  );
  return {
    ...namedLeaves(state[evaluated], layout),
    ...Object.fromEntries(vectors),
    ...(best && { [vectorName('best')]: best.parameters }),
  };
}

const metadataOf = (
  { epoch, seconds, best, patience, history }: Progress,
  fingerprint: Fingerprint,
): Metadata => ({
  epoch,
  seconds,
  best: best && { epoch: best.epoch, validation: best.validation },
  patience,
  fingerprint,
  history: [...history],
});

function parseMetadata(text: string | undefined, where: string): Metadata {
  if (text === undefined) {
    throw new Error(
      `${where} holds parameters but no training to resume; move it away or choose another folder`,
    );
  }
  try {
    return metadataSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(
      `${where}: the state of the training in its header is damaged; delete it to start afresh`,
      {
        cause: error,
      },
    );
  }
}

function checkFingerprint(saved: Fingerprint, wanted: Fingerprint, where: string): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (saved[name] === value) continue;
    throw new Error(
      `${where} was written by a training with ${name} ${saved[name] ?? 'none'}, this one has ${value ?? 'none'}; resume with the same settings, or choose another folder`,
    );
  }
}

function progressOf(
  tensors: Readonly<Record<string, NDArray>>,
  { epoch, seconds, best, patience, history }: Metadata,
  where: string,
  { names, evaluated, layout }: CheckpointOptions,
): Progress {
  // First, because it says best when the model is another one.
  const parameters = packNamed(tensors, layout, where);
  const vector = (name: string): NDArray => {
    const found = Object.hasOwn(tensors, vectorName(name)) ? tensors[vectorName(name)] : undefined;
    if (!found || found.dtype !== 'float32' || found.data.length !== layout.size) {
      throw new Error(
        `${where}: the vector '${vectorName(name)}' is missing or has another length; delete it to start afresh`,
      );
    }
    return found;
  };
  return {
    epoch,
    seconds,
    patience,
    history,
    state: names.map((name, i) => (i === evaluated ? parameters : vector(name))),
    best: best && { ...best, parameters: vector('best') },
  };
}
