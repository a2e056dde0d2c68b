/** Where the points of a field are: the channel that tells a network, which sees values only, the place they stand at. */
import { broadcastTo, constant, type Tensor } from '../tensor/index.ts';

/** The coordinate x = i/s ∈ [0, 1) of every point of a periodic field u [batch, s, …]: [batch, s, 1]. */
export function coordinates(u: Tensor): Tensor {
  const [batch, s] = u.shape;
  const x = Float64Array.from({ length: s }, (_, i) => i / s);
  return broadcastTo(constant(x, [1, s, 1]), [batch, s, 1]);
}
