/** What the documents say exists: links, commands with their flags, scripts, files, and names that examples import. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { call } from '../cli/sextant.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = [
  'README.md',
  ...readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.posix.join('docs', name.replaceAll(path.sep, '/'))),
];

const textOf = (document: string): string => readFileSync(path.join(root, document), 'utf8');

/** Fenced blocks with their language, and the text that is left. */
function split(document: string): { blocks: { language: string; text: string }[]; prose: string } {
  const blocks: { language: string; text: string }[] = [];
  const prose = textOf(document).replace(
    /^```(\w*)\n([\s\S]*?)^```$/gm,
    (_, language: string, text: string) => {
      blocks.push({ language, text });
      return '';
    },
  );
  return { blocks, prose };
}

const spans = (document: string): string[] =>
  [...split(document).prose.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);

/** Lines of code, indented or fenced, and code within sentences: wherever a command may stand. */
const codeLines = (document: string): string[] => {
  const { blocks, prose } = split(document);
  const indented = prose.split('\n').filter((line) => /^ {4}/.test(line));
  return [...blocks.flatMap(({ text }) => text.split('\n')), ...indented, ...spans(document)].map((line) =>
    line.trim(),
  );
};

/** The words of a shell line up to a comment; what stands in quotes is one word. */
const words = (line: string): string[] =>
  (line.replace(/\s+#.*$/, '').match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []).map((word) =>
    word.replace(/^["']|["']$/g, ''),
  );

const commandLines = (document: string): string[] => [
  ...new Set(codeLines(document).filter((line) => /^(?:npx )?sextant \S/.test(line))),
];

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const helps = new Map<string, string>();
async function helpOf(names: readonly string[]): Promise<string> {
  const key = names.join(' ');
  const known = helps.get(key);
  if (known !== undefined) return known;
  const { stdout } = await call(root, ...names, '--help');
  helps.set(key, stdout);
  return stdout;
}

const listed = (help: string, heading: string): string[] =>
  [...(help.split(`\n${heading}:\n`)[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}(?:-\w, )?([\w-]+)/gm)].map(
    ([, name]) => name,
  );

/** What is wrong with a command line of a document; null where its command and all its flags exist. */
async function complaint(line: string): Promise<string | null> {
  const [, ...given] = words(line.replace(/^npx /, ''));
  const names: string[] = [];
  let help = await helpOf([]);
  for (const word of given) {
    const commands = listed(help, 'Commands');
    if (!/^[a-z]/.test(word) || !commands.length) break;
    if (!commands.includes(word)) return `${line}: there is no command ${[...names, word].join(' ')}`;
    names.push(word);
    help = await helpOf(names);
  }
  const flags = listed(help, 'Options');
  const unknown = given.find(
    (word) => /^(?:-\w|--[a-z][a-z-]*(?:=.*)?)$/.test(word) && !flags.includes(word.split('=')[0]),
  );
  return unknown === undefined ? null : `${line}: ${names.join(' ')} has no ${unknown}`;
}

test('the reader of command lines finds what is there and what is wrong', async () => {
  expect(commandLines('README.md').length).toBeGreaterThan(10);
  expect(await complaint('npx sextant bench kdv --preset quick --seeds 0,1')).toBeNull();
  expect(await complaint('sextant solve "u_t = -u*u_x" --domain -1,1')).toBeNull();
  expect(await complaint('sextant bench nothing --preset quick')).toContain('no command bench nothing');
  expect(await complaint('sextant mri recon FILE --colour')).toContain('mri recon has no --colour');
});

test('every command stands in docs/cli.md and every experiment in docs/experiments.md', async () => {
  const commands = listed(await helpOf([]), 'Commands').filter((name) => name !== 'help');
  expect(commands.filter((name) => !textOf('docs/cli.md').includes(`| \`${name}`))).toEqual([]);
  const experiments = listed(await helpOf(['bench']), 'Commands').filter(
    (name) => !['help', 'list'].includes(name),
  );
  const row = (name: string): string => `| \`npx sextant bench ${name}\` |`;
  expect(experiments.filter((name) => !textOf('docs/experiments.md').includes(row(name)))).toEqual([]);
});

describe.each(documents)('%s', (document) => {
  test('links lead to files and headings that exist', () => {
    const links = [...split(document).prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link);
    const broken = links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [file, anchor] = link.split('#');
        const target = file === '' ? document : path.posix.join(path.posix.dirname(document), file);
        if (!existsSync(path.join(root, target))) return true;
        if (anchor === undefined) return false;
        const headings = [...textOf(target).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));
        return !headings.includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  test('commands and their flags exist', async () => {
    const complaints: string[] = [];
    for (const line of commandLines(document)) {
      const wrong = await complaint(line);
      if (wrong !== null) complaints.push(wrong);
    }
    expect(complaints).toEqual([]);
  });

  test('scripts exist', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const named = codeLines(document).flatMap((line) =>
      [...line.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script),
    );
    expect(named.filter((script) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  test('files of the project that it names exist', () => {
    const named = codeLines(document).flatMap((line) =>
      [
        ...line.matchAll(/(?<![\w./-])(?:src|solvers|datasets|reports|server|test|bench)\/[\w./-]*[\w/]/g),
      ].map(([file]) => file),
    );
    expect(named.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });

  test('examples import what exists', async () => {
    const missing: string[] = [];
    for (const { text } of split(document).blocks.filter(({ language }) => language === 'ts'))
      for (const [, names, source] of text.matchAll(/^import \{ ([^}]+) \} from '([^']+)';$/gm)) {
        // Examples stand beside the rooms (`../src/…`) or in the clone (`./solvers/…`).
        const file = path.join(root, source.replace(/^\.{1,2}\//, ''));
        const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
        missing.push(...names.split(', ').filter((name) => !(name in exported)));
      }
    expect(missing).toEqual([]);
  });
});
