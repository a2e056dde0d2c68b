/** Listens on the machine's own address. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp, type AppOptions } from './app.ts';

export interface ServeOptions extends AppOptions {
  /** 0 lets the system choose a free port. */
  port: number;
  /** `127.0.0.1` (default), `::1` or `localhost`. */
  host?: string;
}

export interface Served {
  /** Address to open in a browser. */
  url: string;
  /** Ends all connections and frees the port. */
  close: () => Promise<void>;
}

const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

const explain = (error: NodeJS.ErrnoException, port: number): Error => {
  switch (error.code) {
    case 'EADDRINUSE':
      return new Error(`Port ${port} is in use: choose another with --port, or --port 0 for any free port`);
    case 'EACCES':
      return new Error(
        `Port ${port} may not be used by this user: choose one above 1023 with --port, or --port 0 for any free port`,
      );
    default:
      return new Error(`The server cannot listen on port ${port}: ${error.message}`);
  }
};

/**
 * Starts the server. Throws when `host` is not an address of the machine itself, when `port` is not a port, or when it is
 * in use.
 */
export async function serve({ port, host = '127.0.0.1', ...options }: ServeOptions): Promise<Served> {
  if (!loopback.has(host)) {
    throw new Error(
      `host is ${host}, expected 127.0.0.1, ::1 or localhost: reports are served to this machine only`,
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`port is ${port}, expected a whole number from 0 to 65535`);
  }
  const server = createServer(
    { maxHeaderSize: 8192, headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 5_000 },
    createApp(options),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(explain(error, port)));
    server.listen(port, host, resolve);
  });
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${host === '::1' ? '[::1]' : host}:${chosen}/`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}
