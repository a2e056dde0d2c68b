/**
 * Low-rank neural operator over space and time (Li et al. 2020, "Neural Operator: Graph Kernel Network for Partial
 * Differential Equations", arXiv 2003.03485, section on low-rank kernels; sizes of the authors' lowrank_1d.py):
 *
 *   v_o(x) ← Σ_i Σ_r φ_oir(x) · mean over y of ψ_oir(y) v_i(y)  +  (W v)_o(x),   ReLU between layers,
 *
 * where φ and ψ are perceptrons of the input and the coordinates at a point. It takes any set of points, so a grid of space
 * and time is one. The authors' batch normalisation is left out: a forecast shall not depend on its neighbours in a batch.
 */
import { z } from 'zod';
import { add, einsum, mul, relu, reshape, sizeOf, type Tensor } from '../../tensor/index.ts';
import { split } from '../../tensor/random.ts';
import { linear, mlp } from '../../nn/index.ts';
import { operator } from '../operator.ts';
import { applyStack, axesOf, initStack, type SpaceAxes } from './stack.ts';

const spaceTimeLno = (space: SpaceAxes) => {
  const name = `lno-${space + 1}d`;
  return operator(name, {
    title: `Low-rank neural operator, ${space}-D space and time`,
    source: 'Li et al. 2020, arXiv 2003.03485',
    axes: axesOf(space),
    options: z.strictObject({
      width: z.int().positive().default(32),
      rank: z.int().positive().default(4),
      /** Hidden sizes of φ and ψ. */
      hidden: z.array(z.int().positive()).min(1).default([64, 128, 256]),
      layers: z.int().positive().default(4),
      /** Channels of the input field; coordinates are added to them. */
      inputs: z.int().positive().default(10),
    }),
    init: (key, { width, rank, hidden, layers, inputs }) => {
      const sizes = [inputs + space + 1, ...hidden, width * width * rank];
      return initStack(key, { space, inputs, width, layers }, (layer) => {
        const [phi, psi, local] = split(layer, 3);
        return {
          phi: mlp.init(phi, { sizes }),
          psi: mlp.init(psi, { sizes }),
          local: linear.init(local, { inputs: width, outputs: width }),
        };
      });
    },
    apply: (p, u, { inputs, width, rank }) =>
      applyStack(p, u, { name, space, inputs }, ({ phi, psi, local }, v, located) => {
        const [batch, ...grid] = located.shape.slice(0, -1);
        const points = sizeOf(grid);
        const factor = (net: typeof phi): Tensor =>
          reshape(mlp.apply(net, located, relu), [batch, points, width, width, rank]);
        const field = reshape(v, [batch, points, width]);
        const moments = mul(einsum('byoir,byi->boir', factor(psi), field), 1 / points);
        const integral = reshape(einsum('bxoir,boir->bxo', factor(phi), moments), v.shape);
        return add(integral, linear.apply(local, v));
      }),
  });
};

export const lno3d = spaceTimeLno(2);
