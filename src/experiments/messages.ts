/** What the scheduler and its children say to each other. */
import type { EngineName } from '../tensor/index.ts';
import type { JobProgress } from './execute.ts';

/** First message to a child: the one job it runs. */
export interface RunMessage {
  readonly kind: 'run';
  /** URL of the module that defines the experiment. */
  readonly module: string;
  readonly folder: string;
  readonly engine: EngineName;
  readonly threads: number;
}

export type ToChild = RunMessage | { readonly kind: 'stop' };

export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly progress: JobProgress }
  | { readonly kind: 'note'; readonly message: string }
  | { readonly kind: 'locked'; readonly message: string }
  | { readonly kind: 'end'; readonly state: 'finished' | 'interrupted' }
  | { readonly kind: 'error'; readonly message: string; readonly stack?: string | undefined };
