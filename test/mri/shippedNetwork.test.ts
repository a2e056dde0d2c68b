/** The trained network that comes with Sextant: what it reconstructs, and its noise to first order against replicas. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { birdcageCoils } from '../../datasets/mri/coils.ts';
import { brainPhantom } from '../../datasets/mri/phantoms.ts';
import { findTrainedNetwork, SHIPPED_NETWORK } from '../../src/experiments/mriTrainedNetwork.ts';
import {
  agreementByRegion,
  equispacedMask,
  encode,
  getReconstruction,
  imageRegions,
  networkReconstruction,
  type Reconstruction,
  type SamplingMask,
} from '../../src/mri/index.ts';
import { noiseMaps, type NoiseMaps } from '../../src/mri/noiseMaps.ts';
import { replicaMaps } from '../../src/mri/replicas.ts';
import { array, compile, specsOf, type ComplexArray, type NDArray } from '../../src/tensor/index.ts';
import { key } from '../../src/tensor/random.ts';
import { evaluate, numbers } from './support.ts';

const folder = fileURLToPath(new URL(`../../${SHIPPED_NETWORK}/`, import.meta.url));
const [h, w, coils] = [32, 32, 4];
const PROBES = 128;

/** A head that no training slice is: those have other sizes and another key. */
const phantom = brainPhantom(key(2024), [h, w]);
const truth = Float64Array.from(phantom.re.data, (re, i) => Math.hypot(re, phantom.im.data[i]));
const peak = Math.max(...truth);
const regions = imageRegions(array(truth, [h, w]));
const mask: SamplingMask = equispacedMask(key(3), {
  width: w,
  acceleration: 4,
  acsLines: 8,
});

let kspace: ComplexArray;
let trained: Reconstruction;
beforeAll(async () => {
  const found = await findTrainedNetwork(SHIPPED_NETWORK);
  trained = networkReconstruction(found.trained.network, found.trained.parameters);
  kspace = await evaluate((z, sensitivities, m) => encode(z, { sensitivities, mask: m }), [
    phantom,
    birdcageCoils(coils, [h, w]),
    mask,
  ] as const);
});

const acquisition = () => ({ kspace, mask, sensitivities: null });

/** ‖|image| − truth‖² / ‖truth‖². */
async function errorOf(reconstruction: Reconstruction): Promise<number> {
  const reconstruct = reconstruction.prepare(acquisition());
  const program = await compile(reconstruct, [specsOf({ kspace, mask })]);
  const { re, im } = await program.run([{ kspace, mask }]);
  await program.dispose();
  const square = (values: ArrayLike<number>): number =>
    Array.from(values, (x) => x * x).reduce((a, b) => a + b);
  return square(truth.map((t, i) => Math.hypot(re.data[i], im.data[i]) - t)) / square(truth);
}

test('is small, and has less than half the error of the zero-filled image on a head it has not seen', async () => {
  expect(statSync(path.join(folder, 'checkpoints', 'best.safetensors')).size).toBeLessThan(1e6);
  const [network, zeroFilled] = [await errorOf(trained), await errorOf(getReconstruction('zero-filled', {}))];
  expect(network).toBeLessThan(zeroFilled / 2);
});

describe('noise by the Jacobian against replicas, in the object', () => {
  let jacobian: NoiseMaps;
  const atHand = () => ({
    reconstruct: trained.prepare(acquisition()),
    output: trained.output,
  });
  beforeAll(async () => {
    jacobian = await noiseMaps(
      atHand(),
      { ...acquisition(), noise: { sigma: 1 } },
      { probes: PROBES, seed: 5 },
    );
  });

  test.each([
    [0.001, 256],
    [0.003, 256],
    // Enough that the limit of 8 % speaks of the linearisation rather than of sampling.
    [0.01, 1024],
  ])('σ/peak %f', async (level, replicas) => {
    const sigma = level * peak;
    const { sd } = await replicaMaps(atHand(), { ...acquisition(), noise: { sigma } }, { replicas, seed: 6 });
    const inSigma: NDArray = array(
      numbers(sd).map((s) => s / sigma),
      [h, w],
    );
    // What the numbers of replicas and probes leave of the difference.
    const sampling = numbers(inSigma).map((s, i) =>
      Math.hypot(s / Math.sqrt(2 * (replicas - 1)), jacobian.standardError!.data[i]),
    );
    const { object } = agreementByRegion(jacobian.sd, inSigma, array(sampling, [h, w]), regions);
    // The median over some 450 pixels of ratios that are each known to about 6 %: to better than half a percent.
    expect(Math.abs(object!.medianRatio - 1)).toBeLessThan(0.01);
    if (level <= 0.003) expect(object!.relativeError).toBeLessThan(1.2 * object!.resolution!);
    else expect(object!.relativeError).toBeLessThan(0.08);
  });
});
