// node run.mjs NAME [ARGUMENTS]: runs bench/NAME.ts from source.
import { register } from 'tsx/esm/api';

register();
const [name] = process.argv.splice(2, 1);
await import(`./${name}.ts`);
