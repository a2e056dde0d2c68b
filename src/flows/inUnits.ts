/** Training in the units of the data, whatever they are. */
import { add, constant, mul, sub, type NDArray } from '../tensor/index.ts';
import { mapParameters } from '../nn/index.ts';
import { firstBatch } from './fit.ts';
import { flow, type Flow, type FlowParameters } from './flow.ts';
import type { Layer } from './layer.ts';
import { actNorm } from './layers/actNorm.ts';
import { channelMoments, type Moments } from './moments.ts';
import { alongChannels, perSample, pixelsOf } from './samples.ts';
import type { ScaleShift } from './scaleShift.ts';

/**
 * The flow behind one ActNorm. A step of an optimiser is as long for a shift of 10⁻⁶ as for one of 1: in training the samples are therefore
 * first brought to mean 0 and variance 1 by a fixed layer, so that the ActNorm learns numbers near 1; afterwards the two become one.
 */
export function inUnits(inner: Flow): Flow {
  const { shape, context, base } = inner;
  const layers = [actNorm.create(), ...inner.layers];
  return {
    ...flow({ shape, context, layers, base }),
    async fit({ from, ...options }) {
      const units = scalesOf(channelMoments(firstBatch(options).x));
      const trained = flow({ shape, context, layers: [fixed(units), ...layers], base });
      // Every training sets its ActNorm anew.
      const start = from && { from: { ...from, layers: [{}, ...from.layers] } };
      const result = await trained.fit({ ...options, ...start });
      return mapParameters(result, (p) => merge(p, units));
    },
  };
}

interface Units {
  readonly centre: Float64Array;
  readonly logScale: Float64Array;
}

const scalesOf = ({ mean, variance }: Moments): Units => ({
  centre: mean,
  logScale: variance.map((v) => (v > 0 ? -0.5 * Math.log(v) : 0)),
});

/** y = (x − centre) e^logScale a channel, with nothing to learn. */
function fixed({ centre, logScale }: Units): Layer {
  const factor = logScale.map(Math.exp);
  const total = logScale.reduce((sum, s) => sum + s, 0);
  return {
    name: 'units',
    options: {},
    support: 'reals',
    inverseBy: 'formula',
    init: () => ({}),
    outputShape: (shape) => shape,
    inputShape: (shape) => shape,
    forward(_, x) {
      const shape = x.shape.slice(1);
      return {
        y: mul(sub(x, alongChannels(constant(centre), shape)), alongChannels(constant(factor), shape)),
        logDet: perSample(constant(pixelsOf(shape) * total), x),
      };
    },
    inverse(_, y) {
      const shape = y.shape.slice(1);
      const scaled = mul(y, alongChannels(constant(factor.map((f) => 1 / f)), shape));
      return {
        x: add(scaled, alongChannels(constant(centre), shape)),
        logDet: perSample(constant(-pixelsOf(shape) * total), y),
      };
    },
    lipschitz: () => null,
  };
}

/** e^s ((x − μ) f + b) = e^(s + log f) (x + b/f − μ) */
function merge({ layers: [, own, ...rest], ...p }: FlowParameters, units: Units): FlowParameters {
  const { logScale, shift } = own as ScaleShift;
  const whole = (data: ArrayLike<number>, f: (v: number, j: number) => number): NDArray => ({
    ...shift,
    data: Float32Array.from(data, f),
  });
  return {
    ...p,
    layers: [
      {
        logScale: whole(logScale.data, (s, j) => s + units.logScale[j]),
        shift: whole(shift.data, (b, j) => b * Math.exp(-units.logScale[j]) - units.centre[j]),
      },
      ...rest,
    ],
  };
}
