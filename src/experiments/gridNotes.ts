/** What the reader of a table, and who checks a file, has to know of its grid. */
import type { DataFacts } from './experiment.ts';

/** Facts of pairs from a file say why their grid looks closed (`closedGrid`); others have nothing to be said. */
export const gridNotes = ({ closedGrid }: Partial<DataFacts>): string[] =>
  typeof closedGrid === 'string'
    ? [
        `The grid looks closed: ${closedGrid}. Models take it as periodic, its last point one step before the first; leave the endpoint out, as np.linspace(0, 1, s, endpoint=False) does.`,
      ]
    : [];
