import { afterEach, expect, test, vi } from 'vitest';
import { add, array, compile, spec, type Tensor } from '../../src/tensor/index.ts';
import { providers, type Provider } from '../../src/tensor/engines/engine.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

async function double(provider?: Provider): Promise<number[]> {
  const program = await compile((x: Tensor) => add(x, x), [spec([2])], { provider });
  const { data } = await program.run([array(Float32Array.of(1, 2), [2])]);
  await program.dispose();
  return Array.from(data);
}

test.each(providers)('%s computes, or says in one line that it does not work here', async (provider) => {
  const outcome = await double(provider).catch((error: unknown) => (error as Error).message);
  if (typeof outcome !== 'string') return expect(outcome).toEqual([2, 4]);
  expect(provider).not.toBe('cpu');
  expect(outcome).toMatch(
    new RegExp(`^onnx: the execution provider '${provider}' does not work here \\(.+use 'cpu'.+$`),
  );
});

test('SEXTANT_PROVIDER chooses where nobody says; an unknown one is answered with the known ones', async () => {
  vi.stubEnv('SEXTANT_PROVIDER', 'cpu');
  expect(await double()).toEqual([2, 4]);
  vi.stubEnv('SEXTANT_PROVIDER', 'quantum');
  await expect(double()).rejects.toThrow("SEXTANT_PROVIDER is 'quantum', expected one of cpu, cuda, webgpu");
  expect(await double('cpu')).toEqual([2, 4]);
});
