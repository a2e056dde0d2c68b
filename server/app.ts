/** The Express application: lists experiments, renders their reports, streams their progress. It never writes. */
import compression from 'compression';
import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import { loadExperiment, NotAnExperiment } from '../reports/load.ts';
import { renderReport } from '../reports/report.ts';
import { summarizeExperiment, type ExperimentSummary } from '../reports/summary.ts';
import { streamEvents, type EventOptions } from './events.ts';
import { loopbackHostOnly, readOnly, securityHeaders } from './guards.ts';
import { errorPage, listPage, livePage } from './pages.ts';
import { experimentFolder, listExperiments, servedFile, type ServedFile } from './runFolder.ts';

export interface AppOptions extends Partial<EventOptions> {
  /** Folder that holds one folder an experiment. It may appear later. */
  runsFolder: string;
  /** Called with one line for every request that failed inside the server. */
  log?: (line: string) => void;
}

/** A request for something that is not there. */
class NotFound extends Error {}

const failureStatus = (error: unknown): number => {
  if (error instanceof NotFound || error instanceof NotAnExperiment) return 404;
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
};

const send = (response: Response, { path, type }: ServedFile, name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    response.set({
      'Content-Type': type,
      'Content-Disposition': `attachment; filename="${name}"`,
      'Cache-Control': 'no-cache',
    });
    // The path has been checked; a folder of runs may itself lie below a folder whose name starts with a dot.
    response.sendFile(path, { dotfiles: 'allow' }, (error?: Error) => {
      if (error && !response.headersSent) reject(error);
      else resolve();
    });
  });

/** A folder that cannot be summarised still gets its line in the list. */
const unreadable = (id: string, error: unknown): ExperimentSummary => ({
  id,
  title: id,
  preset: '',
  state: 'failed',
  jobs: [],
  progress: 0,
  secondsLeft: null,
  updatedAt: '',
  problems: [error instanceof Error ? error.message : String(error)],
});

/** Builds the application; it listens to nothing by itself. */
export function createApp({
  runsFolder,
  log,
  pollMilliseconds = 500,
  heartbeatMilliseconds = 15_000,
}: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  app.use(securityHeaders(), loopbackHostOnly, readOnly);
  // Compression would hold events back until its buffer is full.
  app.use(
    compression({
      filter: (request, response) =>
        !request.path.endsWith('/events') && compression.filter(request, response),
    }),
  );

  const folderOf = async (id: string): Promise<string> => {
    const folder = await experimentFolder(runsFolder, id);
    if (!folder) throw new NotFound('There is no such experiment');
    return folder;
  };
  const summaries = async (): Promise<ExperimentSummary[]> => {
    const list: ExperimentSummary[] = [];
    for (const id of await listExperiments(runsFolder)) {
      const folder = await experimentFolder(runsFolder, id);
      if (folder)
        list.push(await summarizeExperiment(folder, id).catch((error: unknown) => unreadable(id, error)));
    }
    return list;
  };

  app.get('/', async (_request, response) => {
    response.set('Cache-Control', 'no-cache').send(listPage(await summaries()));
  });
  app.get('/api/experiments', async (_request, response) => {
    response.json(await summaries());
  });
  app.get('/api/experiments/:id', async ({ params: { id } }, response) => {
    const folder = await folderOf(id);
    const { result, complete = true, problems = [] } = await loadExperiment(folder, { arrays: false });
    response.json({ summary: await summarizeExperiment(folder, id), complete, result, problems });
  });
  app.get('/experiments/:id', async ({ params: { id } }, response) => {
    const input = await loadExperiment(await folderOf(id));
    const live =
      input.complete === false ? [{ label: 'Live progress', href: `/experiments/${id}/live` }] : [];
    const links = [{ label: 'All experiments', href: '/' }, ...live];
    response.set('Cache-Control', 'no-cache').send(renderReport(input, { links }));
  });
  app.get('/experiments/:id/live', async ({ params: { id } }, response) => {
    response
      .set('Cache-Control', 'no-cache')
      .send(livePage(await summarizeExperiment(await folderOf(id), id)));
  });
  app.get('/experiments/:id/events', async (request, response) => {
    await streamEvents(await folderOf(request.params.id), request, response, {
      pollMilliseconds,
      heartbeatMilliseconds,
    });
  });
  app.get('/experiments/:id/files/:file', async ({ params: { id, file } }, response) => {
    const found = await servedFile(await folderOf(id), file);
    if (!found) throw new NotFound('There is no such file');
    await send(response, found, `${id}-${file}`);
  });
  app.get('/experiments/:id/jobs/:job/files/:file', async ({ params: { id, job, file } }, response) => {
    const found = await servedFile(await folderOf(id), file, job);
    if (!found) throw new NotFound('There is no such file');
    await send(response, found, `${job}-${file}`);
  });
  app.use(() => {
    throw new NotFound('There is no such page');
  });

  // Express knows an error handler by its four parameters.
  const onError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    const status = failureStatus(error);
    if (status === 500)
      log?.(`${request.method} ${request.path}: ${error instanceof Error ? error.message : String(error)}`);
    if (response.headersSent) {
      // A broken answer must not look like a whole one. Express would do the same, and print a stack trace besides.
      response.destroy();
      return;
    }
    const message =
      error instanceof NotFound
        ? error.message
        : error instanceof NotAnExperiment
          ? 'This experiment has not written anything yet'
          : status === 500
            ? 'Something went wrong inside the server'
            : 'This request cannot be understood';
    response.status(status).removeHeader('Content-Disposition');
    if (request.path.startsWith('/api/')) response.json({ error: message });
    else response.type('html').send(errorPage(status, message));
  };
  app.use(onError);
  return app;
}
