/** ONNX Runtime (native CPU): the main engine. */
import * as ort from 'onnxruntime-node';
import type { DType, NDArray, NumericData } from '../../array.ts';
import { providers, type Engine, type Graph, type Provider } from '../engine.ts';
import { defaultThreads } from '../threads.ts';
import { writeOnnx } from './lower.ts';

export const onnxEngine: Engine = {
  name: 'onnx',
  dtypes: ['float32', 'float64'],
  async prepare(graph, { threads = defaultThreads(), profile, provider = chosenProvider() }) {
    const inputNames = graph.inputs.map((_, i) => `in${i}`);
    const { bytes, outputNames } = writeOnnx(graph, { inputs: inputNames });
    const session = await open(bytes, provider, {
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // Below 4 a provider repeats on stderr what it throws.
      logSeverityLevel: provider === 'cpu' ? 3 : 4,
      ...(isFloat64(graph) && { extra: KEEP_DIGITS }),
      ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    });
    let released = false;
    return {
      async run(feeds) {
        const named: Record<string, ort.Tensor> = {};
        feeds.forEach((feed, i) => (named[inputNames[i]] = toOrt(feed)));
        const results = await session.run(named);
        return outputNames.map((name, i) => {
          const { data, dims } = results[name];
          return { data: data as NumericData, shape: dims, dtype: graph.outputs[i].dtype };
        });
      },
      async dispose() {
        if (released) return;
        released = true;
        if (profile !== undefined) session.endProfiling();
        await session.release();
      },
    };
  },
};

const isFloat64 = ({ inputs, outputs }: Graph): boolean =>
  [...inputs, ...outputs].some(({ dtype }) => dtype === 'float64');

/** The fusion folds a scalar factor into a product's `alpha`, which is float32: a float64 product would lose half its digits. */
const KEEP_DIGITS = { optimization: { disable_specified_optimizers: 'MatMulScaleFusion' } };

function chosenProvider(): Provider {
  const given = process.env['SEXTANT_PROVIDER'] ?? 'cpu';
  const provider = providers.find((name) => name === given);
  if (provider) return provider;
  throw new Error(`SEXTANT_PROVIDER is '${given}', expected one of ${providers.join(', ')}`);
}

async function open(
  model: Uint8Array,
  provider: Provider,
  options: ort.InferenceSession.SessionOptions,
): Promise<ort.InferenceSession> {
  if (provider === 'cpu')
    return ort.InferenceSession.create(model, { ...options, executionProviders: ['cpu'] });
  try {
    return await ort.InferenceSession.create(model, { ...options, executionProviders: [provider, 'cpu'] });
  } catch (error) {
    // The message begins with a path and a function of ONNX Runtime's own sources.
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    const reason = line.split(' was false. ').at(-1);
    throw new Error(
      `onnx: the execution provider '${provider}' does not work here (${reason}); use 'cpu', or see docs/tensor-core.md for what it needs`,
      { cause: error },
    );
  }
}

const toOrt = ({ data, shape, dtype }: NDArray): ort.Tensor =>
  new ort.Tensor(dtype satisfies DType, data, shape);
