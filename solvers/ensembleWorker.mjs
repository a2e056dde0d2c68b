// Entry of a worker thread of `solveEnsemble`. A thread does not inherit the loader that runs TypeScript from source, so
// it is registered here first; this is why the file is not TypeScript itself.
import { register } from 'tsx/esm/api';

register();
const { solveSample } = await import('./solveSample.ts');

export default solveSample;
