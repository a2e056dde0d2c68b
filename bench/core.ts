/** The tensor core beside PyTorch 2: `npm run bench:core [-- --only fno-1024,… --json]`. */
import { besidePyTorch } from './beside.ts';
import { cases } from './cases.ts';

await besidePyTorch('core', cases);
