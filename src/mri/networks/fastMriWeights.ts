/**
 * Weights that fastMRI (Zbontar et al. 2018, arXiv 1811.08839) or a program with its module names has trained in PyTorch, read by
 * name. `convertCheckpoint.py` beside this file makes a .safetensors of a .pt.
 */
import { layoutOf, unpackTree, zerosInitialiser } from '../../nn/index.ts';
import { packNamed, readTensorFile } from '../../nn/files.ts';
import type { NDArray, Shape } from '../../tensor/index.ts';
import { key } from '../../tensor/random.ts';
import { uNet, type UNetParameters } from './uNet.ts';
import { varNet, type VarNetParameters } from './varNet.ts';

type Named = Readonly<Record<string, NDArray>>;

/**
 * An E2E-VarNet of any size; the size is read off the tensors. Names may begin with `varnet.`, as Lightning's do.
 *
 * @throws if the file is missing or damaged, or its tensors are not those of such a network.
 */
export async function loadFastMriVarNet(file: string): Promise<VarNetParameters> {
  const tensors = await read(file, 'varnet.');
  const sensitivities = 'sens_net.norm_unet.unet.';
  const { channels, pools } = sizesOf(tensors, 'cascades.0.model.unet.', file);
  const own = sizesOf(tensors, sensitivities, file);
  const like = varNet.init(key(0), {
    cascades: count(tensors, 'cascades.'),
    channels,
    pools,
    sensitivityChannels: own.channels,
    sensitivityPools: own.pools,
    weights: zerosInitialiser,
  });
  return rename(tensors, like, file, (path) => {
    const [, cascade, rest] = /^cascades\.(\d+)\.(.+)$/.exec(path) ?? [];
    if (cascade === undefined)
      return sensitivities + uNetName(path.slice('sensitivities.'.length), own.pools);
    return rest === 'step'
      ? `cascades.${cascade}.dc_weight`
      : `cascades.${cascade}.model.unet.${uNetName(rest.slice('regulariser.'.length), pools)}`;
  });
}

/**
 * A U-Net of any size. Names may begin with `unet.`, as Lightning's do.
 *
 * @throws as `loadFastMriVarNet` does.
 */
export async function loadFastMriUNet(file: string): Promise<UNetParameters> {
  const tensors = await read(file, 'unet.');
  const { inputs, outputs, channels, pools } = sizesOf(tensors, '', file);
  const like = uNet.init(key(0), { inputs, outputs, channels, pools, weights: zerosInitialiser });
  return rename(tensors, like, file, (path) => uNetName(path, pools));
}

/** The tensors of a file by name, without a prefix that they may have. */
async function read(file: string, prefix: string): Promise<Named> {
  const content = await readTensorFile(file);
  if (!content) throw new Error(`${file} does not exist; expected a .safetensors file`);
  return Object.fromEntries(
    Object.entries(content.tensors).map(([name, value]) => [
      name.startsWith(prefix) ? name.slice(prefix.length) : name,
      value,
    ]),
  );
}

/** fastMRI's name of a leaf of `UNetParameters`: `down.0.first` → `down_sample_layers.0.layers.0.weight`. */
function uNetName(path: string, pools: number): string {
  const [part, ...rest] = path.split('.');
  const convolution = rest.at(-1) === 'second' ? 'layers.4.weight' : 'layers.0.weight';
  const finest = pools - 1;
  switch (part) {
    case 'down':
      return `down_sample_layers.${rest[0]}.${convolution}`;
    case 'bottleneck':
      return `conv.${convolution}`;
    case 'up':
      if (rest[1] === 'transposed') return `up_transpose_conv.${rest[0]}.${convolution}`;
      return `up_conv.${rest[0]}.${Number(rest[0]) === finest ? '0.' : ''}${convolution}`;
    default:
      return `up_conv.${finest}.1.${rest[0]}`;
  }
}

function sizesOf(
  tensors: Named,
  prefix: string,
  file: string,
): { readonly inputs: number; readonly outputs: number; readonly channels: number; readonly pools: number } {
  const shapeOf = (name: string): Shape => {
    const found = Object.hasOwn(tensors, prefix + name) ? tensors[prefix + name].shape : [];
    if (found.length === 4) return found;
    const some = Object.keys(tensors).slice(0, 3).join(', ');
    throw new Error(
      `${file} has no convolution '${prefix}${name}'; expected the names of fastMRI's modules, there are ${some}, …`,
    );
  };
  const [channels, inputs] = shapeOf('down_sample_layers.0.layers.0.weight');
  const pools = count(tensors, `${prefix}down_sample_layers.`);
  return { inputs, outputs: shapeOf(`up_conv.${pools - 1}.1.weight`)[0], channels, pools };
}

/** How many different numbers follow a prefix. */
const count = (tensors: Named, prefix: string): number =>
  new Set(
    Object.keys(tensors).flatMap((name) =>
      name.startsWith(prefix) ? [name.slice(prefix.length).split('.')[0]] : [],
    ),
  ).size;

/** The tensors as a tree like the given one; `nameOf` says where the leaf of a path stands. */
function rename<P>(tensors: Named, like: P, file: string, nameOf: (path: string) => string): P {
  const layout = layoutOf(like);
  const named = {
    ...layout,
    entries: layout.entries.map((entry) => ({ ...entry, path: nameOf(entry.path) })),
  };
  return unpackTree(packNamed(tensors, named, file), layout);
}
