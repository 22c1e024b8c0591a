import type { Codec, SyncPolicy } from '../../log/index.ts'

export const jobNames = ['append', 'read', 'tail', 'seek', 'recover', 'reindex'] as const
export type JobName = (typeof jobNames)[number]

/** What is measured, with everything that a figure needs beside it to mean something. */
export interface BenchSettings {
  records: number
  /** Bytes of each record; undefined: lines of `payloadFile`. */
  recordSize: number | undefined
  payloadFile: string | undefined
  /** Where a batch counts as full, Kafka's batch.size; a record that is larger makes a batch of its own. */
  batchBytes: number
  segmentBytes: number
  sync: SyncPolicy
  compression: Codec
  warmup: number
  runs: number
}

export function formatSync(sync: SyncPolicy): string {
  return typeof sync === 'object' ? `${sync.everyMs}ms` : sync
}

/** What the baseline does for the same promise. */
export function describeSync(sync: SyncPolicy): string {
  if (sync === 'never') return 'no fdatasync'
  if (sync === 'batch') return 'fdatasync after each'
  const interval = typeof sync === 'object' ? `${sync.everyMs} ms` : 'second'
  return `fdatasync each ${interval} and at the end`
}
