/** `sextant export`: a trained model as a plain ONNX file. */
import type { Command } from 'commander';
import { findExperiment } from '../../experiments/index.ts';
import { Run } from '../../runs/index.ts';
import { command } from '../command.ts';
import { writeBytes } from '../output.ts';
import { findRunFolder, RUNS_FOLDER, warnOfUnfinished } from '../runs.ts';
import type { Terminal } from '../terminal.ts';
import { fileName, nonEmpty, oneOf, wholeNumber } from '../text.ts';

export const build = (terminal: Terminal): Command =>
  command({
    name: 'export',
    summary: 'write a trained model as an ONNX file',
    description:
      'Writes the model of one job as an ONNX file of standard operators with the parameters inside, for any ONNX runtime. ' +
      'Operators map [batch, points, 1] to the same shape; of flows it is the log density (flow export has more).',
    arguments: { run: { help: `folder of a job, or its name in ${RUNS_FOLDER}/*/jobs`, schema: nonEmpty } },
    options: {
      output: { value: 'file', help: 'the .onnx file (JOB.onnx)', schema: fileName('.onnx').optional() },
      checkpoint: {
        value: 'name',
        help: 'last, or best on the validation samples (last; a flow has the best only)',
        schema: oneOf('last', 'best').default('last'),
      },
      batch: {
        value: 'number',
        help: 'batch size, fixed in the file (1)',
        schema: wholeNumber(1, 65536).default(1),
      },
      runs: {
        value: 'folder',
        help: `folder of runs (${RUNS_FOLDER})`,
        schema: nonEmpty.default(RUNS_FOLDER),
      },
    },
    examples: [
      'sextant export $(ls -d runs/kdv-quick-*/jobs/fno-resolution64-released-seed0-*) --output fno.onnx',
    ],
    async run({ run: text, output, checkpoint, batch, runs }) {
      const run = await Run.open(await findRunFolder(text, runs));
      const { experiment } = await findExperiment(run.config.experiment);
      if (!experiment.exportRun)
        throw new Error(`models of the experiment ${experiment.name} cannot be exported as ONNX`);
      const exported = await experiment.exportRun(run, { checkpoint, batchSize: batch });
      warnOfUnfinished(terminal, await run.unfinished());
      const file = output ?? `${run.name}.onnx`;
      await writeBytes(file, exported.bytes);
      terminal.print(
        `${file}: ${run.config.model}, ${exported.checkpoint} checkpoint, ${exported.signature}, ${exported.bytes.length} bytes`,
      );
    },
  });
