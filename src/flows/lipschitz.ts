/**
 * Lipschitz constants of flows and of their inverses: upper bounds from the parameters of layers where theory gives one, and the largest
 * slopes among samples, which are lower estimates.
 */
import { compile, specsOf, type NDArray, type Tensor } from '../tensor/index.ts';
import type { Flow, FlowParameters } from './flow.ts';
import { batchJacobian } from './jacobian.ts';
import type { TensorsOf } from './layer.ts';
import { product, singularRange, type LipschitzConstants } from './lipschitzConstants.ts';
import type { RunOptions } from './run.ts';

/** Where a constant comes from: a product of bounds of the layers, or the largest slope found among samples. */
export type Provenance = 'certified' | 'empirical';

/**
 * Upper bounds of the constants of every layer; null for those that have none on the whole space or whose bound is not known. An affine
 * coupling is only locally Lipschitz: its scale multiplies an unbounded entry.
 */
export const layerConstants = (flow: Flow, parameters: FlowParameters): (LipschitzConstants | null)[] =>
  flow.layers.map((layer, i) => layer.lipschitz(parameters.layers[i]));

/** The product of the layers' bounds; null where a layer has none. */
export const certifiedConstants = (flow: Flow, parameters: FlowParameters): LipschitzConstants | null =>
  product(layerConstants(flow, parameters));

/**
 * The largest ‖J‖ and ‖J⁻¹‖ of the map from data to latent among samples x `[n, d]`: lower estimates of the constants, in float64.
 *
 * @throws for flows whose samples are images: their Jacobians are not made.
 */
export async function empiricalConstants(
  flow: Flow,
  parameters: FlowParameters,
  x: NDArray,
  options: Pick<RunOptions, 'engine' | 'threads'> = {},
): Promise<LipschitzConstants> {
  if (flow.shape.length !== 1) throw new Error('empiricalConstants: expected a flow over vectors [d]');
  const [n, d] = x.shape;
  const program = await compile(
    (p: TensorsOf<FlowParameters>, rows: Tensor) =>
      batchJacobian((at) => flow.forward(p, at).y, rows).jacobian,
    [specsOf(parameters), specsOf(x)] as never,
    { ...options, dtype: 'float64' },
  );
  try {
    const { data } = await program.run([parameters, x] as never);
    let [forward, inverse] = [0, 0];
    for (let i = 0; i < n; i++) {
      const [largest, least] = singularRange({ data: data.slice(i * d * d, (i + 1) * d * d), shape: [d, d] });
      forward = Math.max(forward, largest);
      inverse = Math.max(inverse, 1 / least);
    }
    return { forward, inverse };
  } finally {
    await program.dispose();
  }
}
