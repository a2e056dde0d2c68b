/**
 * Ten noisy curves and surfaces in space on which charts are compared with one global flow. Six are defined as in the toy sets that
 * the first author of VQ-Flows published with probabilistic flow circuits; the other four, whose definitions are not
 * published, are this project's.
 */
import { noisyCurve, noisySphere, type NoisyManifold } from './noisyManifold.ts';

const PUBLISHED = 'Sidheekh, Kersting & Natarajan 2023 (UAI), published toy sets';
const OWN = "this project's definition";
const { sin, cos, PI } = Math;

const circle = { at: (t: number) => [sin(t), cos(t), 0] as const };

export const spaceSets: readonly NoisyManifold[] = [
  noisySphere({ name: 'spherical', title: 'Spherical', source: OWN, noise: 0.05 }),
  noisyCurve({
    name: 'helix',
    title: 'Helix',
    source: PUBLISHED,
    scale: 1,
    noise: 0.05,
    components: [{ at: (t) => [t, cos(t), sin(t)], interval: [0, 6 * PI] }],
  }),
  noisyCurve({
    name: 'lissajous',
    title: 'Lissajous',
    source: OWN,
    scale: 4,
    noise: 0.1,
    components: [{ at: (t) => [sin(2 * t), cos(t), 0] }],
  }),
  noisyCurve({
    name: 'twisted-eight',
    title: 'Twisted eight',
    source: PUBLISHED,
    scale: 4,
    noise: 0.1,
    components: [circle, { at: (t) => [2 + sin(t), 0, cos(t)] }],
  }),
  noisyCurve({
    name: 'knotted',
    title: 'Knotted',
    source: PUBLISHED,
    scale: 4,
    noise: 0.1,
    components: [{ at: (t) => [sin(t) + 2 * sin(2 * t), cos(t) - 2 * cos(2 * t), sin(3 * t)] }],
  }),
  noisyCurve({
    name: 'interlocked',
    title: 'Interlocked circles',
    source: PUBLISHED,
    scale: 4,
    noise: 0.1,
    components: [circle, { at: (t) => [1 + sin(t), 0, cos(t)] }],
  }),
  noisyCurve({
    name: 'non-knotted',
    title: 'Non-knotted',
    source: OWN,
    scale: 4,
    noise: 0.1,
    components: [{ at: (t) => [sin(t) + 2 * sin(2 * t), cos(t) - 2 * cos(2 * t), sin(t)] }],
  }),
  noisyCurve({
    name: 'bent-lissajous',
    title: 'Bent Lissajous',
    source: PUBLISHED,
    scale: 4,
    noise: 0.1,
    components: [{ at: (t) => [sin(2 * t), cos(t), cos(2 * t)] }],
  }),
  noisyCurve({
    name: 'disjoint-circles',
    title: 'Disjoint circles',
    source: PUBLISHED,
    scale: 2,
    noise: 0.05,
    // As published: the first component is a segment, the second an ellipse.
    components: [
      { at: (t) => [-2 + sin(t), -1 + sin(t), -1 + sin(t)] },
      { at: (t) => [2 + sin(t), 1 + 2 * cos(t), 1 + 2 * cos(t)] },
    ],
  }),
  noisyCurve({
    name: 'star',
    title: 'Star',
    source: OWN,
    scale: 4,
    noise: 0.1,
    components: [{ at: (t) => [(1 + 0.4 * cos(5 * t)) * cos(t), (1 + 0.4 * cos(5 * t)) * sin(t), 0] }],
  }),
];

/**
 * The set of that name.
 *
 * @throws if the name is unknown.
 */
export function getSpaceSet(name: string): NoisyManifold {
  const found = spaceSets.find((set) => set.name === name);
  if (found) return found;
  throw new Error(
    `data set '${name}' is unknown; expected one of ${spaceSets.map((set) => set.name).join(', ')}`,
  );
}
