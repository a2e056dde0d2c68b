/**
 * Markup through one tagged template that escapes everything it is given. Text becomes markup only where somebody
 * wrote `raw(...)`, so a reader of the code finds every such place by one search.
 */

/** Markup that is known to be safe: the value of `html`, or text declared to be markup by `raw`. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/** What a template may hold. `null`, `undefined` and `false` leave nothing; lists are joined without a separator. */
export type Content = Html | string | number | null | undefined | false | readonly Content[];

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for element content and for quoted attribute values. */
function escapeText(text: string): string {
  // Control characters other than tab and line breaks are illegal in XML, so a downloaded SVG would not open.
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd')
    .replace(/[&<>"']/g, (c) => entities[c]);
}

const toText = (content: Content): string => {
  if (content === null || content === undefined || content === false) return '';
  if (content instanceof Html) return content.text;
  if (typeof content === 'string') return escapeText(content);
  if (typeof content === 'number') return String(content);
  return content.map(toText).join('');
};

/** Indentation of a template is for its reader in the source and stays there. */
const withoutIndent = new WeakMap<TemplateStringsArray, readonly string[]>();
const constantParts = (strings: TemplateStringsArray): readonly string[] => {
  let parts = withoutIndent.get(strings);
  if (!parts) {
    parts = strings.map((part) => part.replace(/\n\s+/g, '\n'));
    withoutIndent.set(strings, parts);
  }
  return parts;
};

/** Builds markup; every interpolated value that is not already `Html` is escaped. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  const parts = constantParts(strings);
  let text = parts[0];
  values.forEach((value, i) => {
    text += toText(value) + parts[i + 1];
  });
  return new Html(text);
}

/** Declares text to be markup. Only for constants of this room (style sheet, script, encoded images). */
export const raw = (text: string): Html => new Html(text);

/** Joins contents with a separator, escaping the ones that are text. */
export const join = (contents: readonly Content[], separator: Content = ''): Html =>
  new Html(contents.map(toText).join(toText(separator)));
