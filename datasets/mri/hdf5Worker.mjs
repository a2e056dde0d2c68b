// Entry of the thread that reads an HDF5 file. A thread does not inherit the loader that runs TypeScript from source, so it is
// registered here; this is why the file is not TypeScript itself. The library comes first: that loader would parse all its 4 MB.
import 'h5wasm/node';
import { register } from 'tsx/esm/api';

register();
await import('./hdf5Thread.ts');
