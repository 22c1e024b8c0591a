/** The only door of the engine, and the package's public API. */

export * from './backward-records.ts'
export { DamageSkippingReader } from './damage-skipping-reader.ts'
export * from './data-directory.ts'
export * from './errors.ts'
export { replaceFile } from './file/durable.ts'
export { GroupCheckpoint } from './file/group-checkpoint.ts'
export { checkTopicName } from './file/names.ts'
export {
  formatOffsetCheckpoint,
  type PartitionOffsets,
  partitionKey,
  readOffsetCheckpoint,
} from './file/offset-checkpoint.ts'
export {
  bytesInPipe,
  createWake,
  exitNow,
  pipeSize,
  pollHangup,
  pollReadable,
  pollWritableSync,
  setPipeSize,
  type Wake,
} from './file/posix.ts'
export { type ConfigEntry, describeTopicConfig } from './file/topic-config.ts'
export * from './isolation.ts'
export * from './merge.ts'
export type { Ack, AppendedToPartition, BatchWriter } from './partition-appender.ts'
export type { BackwardBatchReader } from './partition-log/backward-batch-reader.ts'
export type { BatchReader, DamageReport, ReaderOptions } from './partition-log/batch-reader.ts'
export type { LogWatch } from './partition-log/log-watch.ts'
export { PartitionLog } from './partition-log/partition-log.ts'
export type { PartitionWriter } from './partition-log/partition-writer.ts'
export type { OffsetAndTimestamp } from './partition-log/time-lookup.ts'
export * from './partition-values.ts'
export { type PartitionerName, partitionerNames } from './partitioner.ts'
export { encodeHeaders } from './record/batch-builder.ts'
export * from './record-stream.ts'
export * from './topic-appender.ts'
export type { TopicDescription } from './topics.ts'
