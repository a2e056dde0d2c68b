/** Weights by fastMRI's names: a network in PyTorch and ours give the same image. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPython } from '../../bench/peer.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/nn/index.ts';
import { complexArray, type Complex, type NDArray, type Tensor } from '../../src/tensor/index.ts';
import { loadFastMriUNet, loadFastMriVarNet, uNet, varNet } from '../../src/mri/index.ts';
import { evaluate } from './support.ts';

const python = findPython();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sextant-weights-'));
const at = (name: string): string => path.join(folder, name);
const converter = path.join(import.meta.dirname, '../../src/mri/networks/convertCheckpoint.py');
const convert = (name: string) =>
  spawnSync(python as string, [converter, at(`${name}.pt`), at(`${name}.safetensors`)], { encoding: 'utf8' });

afterAll(() => fs.rmSync(folder, { recursive: true }));

/** ‖a − b‖ / ‖b‖. */
const distance = (a: NDArray, b: NDArray): number =>
  Math.hypot(...Array.from(a.data, (value, i) => value - b.data[i])) / Math.hypot(...b.data);

describe.skipIf(python === null)('beside PyTorch (needs SEXTANT_PYTHON or python3 with torch)', () => {
  // Odd sizes; neither is a multiple of 16, and the pooled one of the U-Net is odd again.
  const options = {
    cascades: 3,
    channels: 6,
    pools: 3,
    sensitivityChannels: 4,
    sensitivityPools: 2,
    shape: [2, 3, 37, 30],
  };
  let example: Record<string, NDArray>;

  beforeAll(() => {
    const script = path.join(import.meta.dirname, '../../bench/peers/mri.py');
    const made = spawnSync(python as string, [script, JSON.stringify(options), folder], { encoding: 'utf8' });
    expect(made.stderr).toBe('');
    expect(convert('checkpoint').stderr).toBe('');
    example = decodeSafetensors(fs.readFileSync(at('checkpoint.safetensors')), 'example').tensors;
  }, 120_000);

  test('the variational network gives the same image', async () => {
    const parameters = await loadFastMriVarNet(at('checkpoint.safetensors'));
    expect(parameters.cascades).toHaveLength(3);
    const [re, im, mask, image] = ['re', 'im', 'mask', 'image'].map((name) => example[`example.${name}`]);
    const kspace = complexArray(re.data as Float32Array, im.data as Float32Array, re.shape);
    const ours = await evaluate(
      (p, k: Complex, m: Tensor) => varNet.apply(p, { kspace: k, mask: m }),
      [parameters, kspace, mask] as const,
      'float32',
    );
    expect(ours.shape).toEqual([2, 37, 30]);
    expect(distance(ours, image)).toBeLessThan(1e-4);
  });

  test('the U-Net gives the same image', async () => {
    const parameters = await loadFastMriUNet(at('checkpoint.safetensors'));
    const ours = await evaluate(
      (p, x) => uNet.apply(p, x),
      [parameters, example['example.picture']] as const,
      'float32',
    );
    expect(distance(ours, example['example.processed'])).toBeLessThan(1e-4);
  });

  test('the converter refuses what is no checkpoint', () => {
    fs.writeFileSync(at('broken.pt'), 'no checkpoint');
    const { status, stderr } = convert('broken');
    expect(status).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('broken.pt');
  });
});

describe('files of other networks', () => {
  const tensor = (shape: number[]): NDArray => ({
    data: new Float32Array(shape.reduce((a, b) => a * b)),
    shape,
    dtype: 'float32',
  });

  test('are refused with the name that is missing', async () => {
    fs.writeFileSync(at('other.safetensors'), encodeSafetensors({ 'layers.0.weight': tensor([2, 2]) }));
    await expect(loadFastMriVarNet(at('other.safetensors'))).rejects.toThrow(
      "no convolution 'cascades.0.model.unet.down_sample_layers.0.layers.0.weight'; expected the names of fastMRI's modules, there are layers.0.weight",
    );
    await expect(loadFastMriUNet(at('none.safetensors'))).rejects.toThrow('does not exist');
  });

  test('are refused with the name of a tensor of another shape', async () => {
    const whole = {
      'down_sample_layers.0.layers.0.weight': tensor([2, 1, 3, 3]),
      'down_sample_layers.0.layers.4.weight': tensor([2, 1, 3, 3]),
      'up_conv.0.1.weight': tensor([1, 2, 1, 1]),
    };
    fs.writeFileSync(at('odd.safetensors'), encodeSafetensors(whole));
    await expect(loadFastMriUNet(at('odd.safetensors'))).rejects.toThrow(
      "'down_sample_layers.0.layers.4.weight' is float32[2, 1, 3, 3], the model has float32[2, 2, 3, 3]",
    );
  });
});
