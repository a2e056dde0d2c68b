/** Executables by structure: a graph that was compiled before and is still in use is not compiled again. */
import { fingerprint } from '../graph/fingerprint.ts';
import type { Engine, EngineOptions, Executable, Graph } from './engine.ts';

interface Entry {
  readonly executable: Promise<Executable>;
  users: number;
}

const entries = new Map<string, Entry>();

/** An executable for the graph, shared with every other user of an equal graph; the last one to dispose releases it. */
export async function acquire(engine: Engine, graph: Graph, options: EngineOptions): Promise<Executable> {
  const structure = options.profile === undefined ? fingerprint(graph.inputs, graph.outputs) : null;
  if (structure === null) return engine.prepare(graph, options);
  const key = `${engine.name} ${options.provider ?? 'default'} ${options.threads ?? 'all'} ${graph.carried ?? 'once'} ${structure}`;
  const entry = entries.get(key) ?? { executable: engine.prepare(graph, options), users: 0 };
  entries.set(key, entry);
  entry.users++;
  let held = true;
  const release = async (): Promise<void> => {
    if (!held) return;
    held = false;
    if (--entry.users > 0) return;
    entries.delete(key);
    await (await entry.executable).dispose();
  };
  try {
    const executable = await entry.executable;
    return { run: (feeds) => executable.run(feeds), dispose: release };
  } catch (error) {
    if (entries.get(key) === entry) entries.delete(key);
    throw error;
  }
}

/** How many executables are held now. */
export const heldExecutables = (): number => entries.size;
