/**
 * BART's .cfl and .hdr pair: complex64, little endian, column-major. Arrays here are row-major, so their shapes are BART's
 * dimensions in reverse order: BART's [x, y, z, coils] is [coils, z, y, x].
 */
import { existsSync } from 'node:fs';
import { deinterleave, interleave, type ComplexArray } from '../../src/tensor/index.ts';
import { readBytes, writeAtomically } from '../files.ts';

const DIMENSIONS = 16;

/** Dimensions of a .hdr, trailing ones left out. @throws if they are not whole positive numbers. */
export function parseCflHeader(text: string, name = 'cfl header'): number[] {
  const lines = text.split('\n').map((line) => line.trim());
  const at = lines.findIndex((line) => /^#\s*Dimensions/i.test(line));
  const dimensions = (lines[at + 1] ?? '').split(/\s+/).filter(Boolean).map(Number);
  if (at < 0 || dimensions.length === 0 || !dimensions.every((n) => Number.isSafeInteger(n) && n > 0))
    throw new Error(`${name}: expected a line "# Dimensions" and whole numbers after it`);
  while (dimensions.length > 1 && dimensions[dimensions.length - 1] === 1) dimensions.pop();
  return dimensions;
}

/**
 * Reads NAME.hdr and NAME.cfl; `file` is either, or NAME. The shape is BART's in reverse.
 *
 * @throws one sentence when one is missing or their lengths do not agree.
 */
export async function readCfl(file: string): Promise<ComplexArray> {
  const base = baseName(file);
  for (const [part, other] of [
    ['cfl', 'hdr'],
    ['hdr', 'cfl'],
  ])
    if (existsSync(`${base}.${other}`) && !existsSync(`${base}.${part}`))
      throw new Error(
        `${base}.${other}: there is no ${base}.${part} beside it; expected both, numbers in .cfl and their dimensions in .hdr`,
      );
  const dimensions = parseCflHeader(new TextDecoder().decode(await readBytes(`${base}.hdr`)), `${base}.hdr`);
  const bytes = await readBytes(`${base}.cfl`);
  const expected = dimensions.reduce((product, n) => product * n, 8);
  if (bytes.length !== expected) {
    throw new Error(
      `${base}.cfl: dimensions ${dimensions.join(' × ')} need ${expected} bytes, the file holds ${bytes.length}: it is ${bytes.length < expected ? 'cut short' : 'too long'}`,
    );
  }
  return deinterleave(new Float32Array(new Uint8Array(bytes).buffer), dimensions.reverse());
}

/** Writes NAME.cfl and then NAME.hdr, which makes the pair whole, in float32. @throws for more than 16 dimensions. */
export async function writeCfl(file: string, z: ComplexArray): Promise<void> {
  const { shape } = z.re;
  if (shape.length > DIMENSIONS)
    throw new Error(`writeCfl: ${shape.length} dimensions, expected at most ${DIMENSIONS}`);
  const dimensions = [...shape].reverse();
  const padded = Array.from({ length: DIMENSIONS }, (_, i) => dimensions[i] ?? 1);
  const base = baseName(file);
  await writeAtomically(`${base}.cfl`, new Uint8Array(Float32Array.from(interleave(z)).buffer));
  await writeAtomically(`${base}.hdr`, new TextEncoder().encode(`# Dimensions\n${padded.join(' ')} \n`));
}

const baseName = (file: string): string => file.replace(/\.(cfl|hdr)$/, '');
