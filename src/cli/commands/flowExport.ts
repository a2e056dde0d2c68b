/** `sextant flow export`: a trained flow as ONNX files, one for each direction. */
import type { Command } from 'commander';
import { exportFlow, exportKinds, exportOutputs } from '../../experiments/flowExport.ts';
import { command } from '../command.ts';
import { writeBytes } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, oneOf, wholeNumber } from '../text.ts';
import { openFlow, runArgument, runsOption } from './trainedFlow.ts';

export const flowExport = (terminal: Terminal): Command =>
  command({
    name: 'export',
    summary: 'write a trained flow as an ONNX file',
    description: `Writes one function of a flow as an ONNX file of standard operators with the parameters inside:\n${exportKinds
      .map((kind) => `  ${kind}: ${exportOutputs[kind]}`)
      .join('\n')}`,
    arguments: { run: runArgument },
    options: {
      direction: {
        value: 'name',
        help: `one of ${exportKinds.join(', ')} (forward)`,
        schema: oneOf(...exportKinds).default('forward'),
      },
      batch: {
        value: 'number',
        help: 'batch size, fixed in the file (1)',
        schema: wholeNumber(1, 65536).default(1),
      },
      output: {
        value: 'file',
        help: 'the .onnx file (JOB-DIRECTION.onnx)',
        schema: fileName('.onnx').optional(),
      },
      runs: runsOption,
    },
    examples: [
      'sextant flow export $(ls -d runs/flow-training-*/jobs/real-nvp-*) --direction inverse --output inverse.onnx',
    ],
    async run({ run: text, direction, batch, output, runs }) {
      const { run, model, parameters } = await openFlow(text, runs);
      const bytes = exportFlow(model, parameters, direction, batch);
      const file = output ?? `${run.name}-${direction}.onnx`;
      await writeBytes(file, bytes);
      terminal.print(
        `${file}: ${run.config.model}, ${exportOutputs[direction]}, batch ${batch}, ${bytes.length} bytes`,
      );
    },
  });
