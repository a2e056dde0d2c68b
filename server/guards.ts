/** What every request must pass before a page is made. */
import type { RequestHandler } from 'express';
import helmet from 'helmet';
import { contentSecurityPolicy } from '../reports/page.ts';
import { pageScript } from '../reports/pageScript.ts';
import { liveScript } from './liveScript.ts';
import { errorPage } from './pages.ts';

/** Security headers. The policy names the page's own script and style by hash; nothing else runs or loads. */
export const securityHeaders = (): RequestHandler =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { ...contentSecurityPolicy([pageScript, liveScript], true), 'frame-ancestors': ["'none'"] },
    },
    // The server speaks plain HTTP to its own machine; a promise of HTTPS would make it unreachable.
    strictTransportSecurity: false,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
  });

const loopbackNames = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** The host of a Host header without its port, in lower case. */
const hostName = (header: string): string => header.toLowerCase().replace(/:\d+$/, '');

/** Refuses a page elsewhere whose name was pointed at this machine (DNS rebinding). */
export const loopbackHostOnly: RequestHandler = (request, response, next) => {
  if (loopbackNames.has(hostName(request.headers.host ?? ''))) next();
  else response.status(403).send(errorPage(403, 'This server answers only under 127.0.0.1 and localhost'));
};

/** The server only shows; nothing is ever changed by a request. */
export const readOnly: RequestHandler = (request, response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD') next();
  else response.status(405).set('Allow', 'GET, HEAD').send(errorPage(405, 'Only GET and HEAD are answered'));
};
