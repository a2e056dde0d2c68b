/** ONNX Runtime (native CPU): the main engine. */
import * as ort from 'onnxruntime-node';
import type { DType, NDArray, NumericData } from '../../array.ts';
import type { Engine } from '../engine.ts';
import { defaultThreads } from '../threads.ts';
import { writeOnnx } from './lower.ts';

export const onnxEngine: Engine = {
  name: 'onnx',
  dtypes: ['float32', 'float64'],
  async prepare(graph, { threads = defaultThreads(), profile }) {
    const inputNames = graph.inputs.map((_, i) => `in${i}`);
    const { bytes, outputNames } = writeOnnx(graph, { inputs: inputNames });
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: 3,
      ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    });
    let released = false;
    return {
      async run(feeds) {
        const named: Record<string, ort.Tensor> = {};
        feeds.forEach((feed, i) => (named[inputNames[i]] = toOrt(feed)));
        const results = await session.run(named);
        return outputNames.map((name, i) => {
          const result = results[name];
          return {
            data: result.data as NumericData,
            shape: graph.outputs[i].shape,
            dtype: graph.outputs[i].dtype,
          };
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

const toOrt = ({ data, shape, dtype }: NDArray): ort.Tensor =>
  new ort.Tensor(dtype satisfies DType, data, shape);
