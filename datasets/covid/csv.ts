/**
 * CSV as RFC 4180 has it (commas, double quotes, doubled inside quotes, LF or CRLF), strict and with limits: a damaged or hostile
 * file costs one sentence, not memory.
 */

export interface CsvLimits {
  /** Characters of one field; default 1000. */
  readonly field?: number;
  /** Fields of one row; default 100. */
  readonly columns?: number;
  /** Rows with the header; default a million. */
  readonly rows?: number;
}

/**
 * The rows of a text, the header among them; a byte order mark and a line break at the end are passed over. Throws with `name` and
 * the line when a quote does not close or stands where none may, a row has another number of fields than the first, or a limit is
 * passed.
 */
export function* csvRows(text: string, name: string, limits: CsvLimits = {}): Generator<string[]> {
  const { field: longest = 1000, columns: most = 100, rows: last = 1_000_000 } = limits;
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  let width = 0;
  for (let row = 1; at < text.length; row++) {
    const fail = (reason: string): never => {
      throw new Error(`${name}, line ${line}: ${reason}`);
    };
    if (row > last) fail(`there are more than ${last} rows`);
    const fields: string[] = [];
    const started = line;
    for (let more = true; more;) {
      const found = text[at] === '"' ? quoted(text, at, longest) : plain(text, at, longest);
      if ('error' in found) return fail(found.error);
      fields.push(found.field);
      line += found.lines;
      if (fields.length > most) fail(`there are more than ${most} fields`);
      more = text[found.end] === ',';
      at = more ? found.end + 1 : afterLineBreak(text, found.end);
      if (at < 0) fail('a quoted field is followed by something other than a comma or a line break');
    }
    width ||= fields.length;
    if (fields.length !== width) {
      line = started;
      fail(`${fields.length} fields, expected ${width} as in the first row`);
    }
    yield fields;
    line++;
  }
}

type Found =
  { readonly field: string; readonly end: number; readonly lines: number } | { readonly error: string };

/** An unquoted field from `start`; `end` is where its comma, line break or the end of the text stands. */
function plain(text: string, start: number, longest: number): Found {
  let end = start;
  for (; end < text.length && !',\n\r'.includes(text[end]); end++) {
    if (end - start >= longest) return { error: `a field has more than ${longest} characters` };
    if (text[end] === '"') return { error: 'a quote stands inside a field that does not begin with one' };
  }
  return { field: text.slice(start, end), end, lines: 0 };
}

/** A quoted field whose opening quote stands at `start`. */
function quoted(text: string, start: number, longest: number): Found {
  let field = '';
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') {
      if (text[at + 1] !== '"') return { field, end: at + 1, lines: field.split('\n').length - 1 };
      at++;
    }
    if (field.length >= longest) return { error: `a field has more than ${longest} characters` };
    field += text[at];
  }
  return { error: 'a quoted field does not end' };
}

/** Position behind the line break at `at`, the end of the text where it stands there, −1 where neither does. */
function afterLineBreak(text: string, at: number): number {
  if (at >= text.length) return text.length;
  if (text[at] === '\n') return at + 1;
  return text[at] === '\r' && text[at + 1] === '\n' ? at + 2 : -1;
}

/** A value as a field of a row, in quotes where it needs them. */
export const csvField = (value: string): string =>
  /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
