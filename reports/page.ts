/** The frame of every page: head, style sheets, script, content security policy. */
import { createHash } from 'node:crypto';
import { chartStyle } from './chartStyle.ts';
import { html, raw, type Html } from './html.ts';
import { pageScript } from './pageScript.ts';
import { pageStyle } from './pageStyle.ts';

const hashSource = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

export interface PageOptions {
  title: string;
  body: Html;
  /** Script in the place of the report's own; it must be a constant, since the policy names its hash. */
  script?: string;
  /** Seconds after which a browser without script loads the page again. */
  refresh?: number;
}

/**
 * The content security policy: nothing is loaded from anywhere; only the page's own style sheets and script, named by
 * their hashes, and pictures that are part of the page. `connect` lets a served page listen to its own server.
 */
export function contentSecurityPolicy(scripts: readonly string[], connect = false): Record<string, string[]> {
  return {
    'default-src': ["'none'"],
    'script-src': scripts.length ? scripts.map(hashSource) : ["'none'"],
    'style-src': [hashSource(chartStyle), hashSource(pageStyle)],
    'img-src': ['data:'],
    ...(connect ? { 'connect-src': ["'self'"] } : {}),
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
  };
}

const policyText = (policy: Record<string, string[]>): string =>
  Object.entries(policy)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');

/** The icon is an empty picture, so that a browser does not ask the server for one. */
const icon = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';

/** Style sheets and scripts stand byte for byte between their tags: the policy names the hash of what is there. */
const styleElement = (css: string, id: string): Html => raw(`<style id="${id}">${css}</style>`);
const scriptElement = (script: string): Html => raw(`<script>${script}</script>`);

/** One complete HTML document. */
export function page({ title, body, script = pageScript, refresh }: PageOptions): string {
  const policy = policyText(contentSecurityPolicy(script ? [script] : [], refresh !== undefined));
  return html`${raw('<!doctype html>')}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        ${refresh === undefined ? null : html`<noscript><meta http-equiv="refresh" content="${refresh}" /></noscript>`}
        <title>${title}</title>
        <link rel="icon" href="${icon}" />
        ${styleElement(chartStyle, 'chart-style')}${styleElement(pageStyle, 'page-style')}
      </head>
      <body>
        <div class="wrap">${body}</div>
        ${script ? scriptElement(script) : null}
      </body>
    </html> `.text;
}
