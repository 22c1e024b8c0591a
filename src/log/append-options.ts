import type { TopicConfig } from './file/topic-config.ts'
import type { Ack, AppendedToPartition, BatchWriter } from './partition-appender.ts'
import type { PartitionerName } from './partitioner.ts'
import type { Codec } from './record/compression/index.ts'

/**
 * When written records are made durable. `end`: once at the end, and every second while something is not; `batch`: each
 * batch before its ack; `{ everyMs }`: as `end` with another interval; `never`: not by us (a roll syncs all the same).
 */
export type SyncPolicy = 'end' | 'batch' | 'never' | { everyMs: number }

export interface AppendOptions {
  /** Every record goes to this partition, whatever its key. */
  partition?: number
  /** Default `murmur2`. */
  partitioner?: PartitionerName
  /** Default: what the topic's compression.type says. */
  compression?: Codec
  /** Default `end`. */
  sync?: SyncPolicy
  /** How long (ms) a record may wait for others before it is written. Default 5; 0 writes whatever came at once. */
  lingerMs?: number
  /** Where a batch counts as full. Default 256 KiB, less where a topic has very many partitions; 1: each record is a batch. */
  batchBytes?: number
  /** Headers of the records that bring none. */
  headers?: [Buffer, Buffer | null][]
  /** Timestamp (ms) of the records that bring none. Default: the time at which they came. */
  timestamp?: number
  /** Called for each batch as soon as the sync policy's promise holds for it. */
  onAck?: (ack: Ack) => void
  /** Called once if a write or sync in the background failed; every later call throws the same error. */
  onFailure?: (error: unknown) => void
}

/** What a TopicAppender appends to; a DataDirectory knows how to make one. */
export interface AppendDestination {
  topic: string
  /** The numbers of the partitions that there are, rising; gaps only where `partition` is given. */
  partitions: readonly number[]
  config: TopicConfig
  openWriter(partition: number): Promise<BatchWriter>
}

/** What one run of appends wrote. */
export interface AppendSummary {
  topic: string
  records: number
  /** False under the policy `never`, and as long as something written is not synced. */
  synced: boolean
  partitions: AppendedToPartition[]
}

/** Fields of one record that override the appender's defaults. */
export interface AppendFields {
  timestamp?: number
  /** As `encodeHeaders()` makes them. */
  headers?: Buffer
  partition?: number
}
