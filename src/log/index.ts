/**
 * The only door of the engine, and the package's public API: `import { DataDirectory } from 'loglady'`. What stands behind
 * "the command line's own" may change in any version.
 */

// The directory: topics, appending, reading, following.

export {
  DataDirectory,
  type DirectoryOptions,
  type NewTopic,
  type TopicChanges,
  type TopicConfigInput,
} from './data-directory.ts'
export { type ConfigEntry, describeTopicConfig, type TopicConfig } from './file/topic-config.ts'
export type { FollowOptions } from './follow-topic.ts'
export { type Isolation, isolations } from './isolation.ts'
export type { MergeOrder } from './merge.ts'
export type { NewRecord, TextOrBytes } from './new-record.ts'
export type { Ack, AppendedToPartition } from './partition-appender.ts'
export { type PartitionerName, partitionerNames } from './partitioner.ts'
export type { Place, Places, ReadOptions, RemovedRecords, TopicRecord } from './read-topic.ts'
export type { KafkaRecord } from './record/record.ts'
export type { SkippedDamage } from './record-stream.ts'
export {
  type AppendFields,
  type AppendOptions,
  type AppendSummary,
  type SyncPolicy,
  TopicAppender,
} from './topic-appender.ts'
export type { TopicDescription } from './topics.ts'

// How far a consumer group has come.

export { GroupCheckpoint } from './file/group-checkpoint.ts'
export { type PartitionOffsets, partitionKey } from './file/offset-checkpoint.ts'

// One partition: its offsets, times and batches, without an object for a record.

export type { BackwardBatchReader } from './partition-log/backward-batch-reader.ts'
export type { BatchReader, DamageReport, ReaderOptions } from './partition-log/batch-reader.ts'
export type { LogWatch } from './partition-log/log-watch.ts'
export { PartitionLog } from './partition-log/partition-log.ts'
export type { OffsetAndTimestamp } from './partition-log/time-lookup.ts'
export { encodeHeaders } from './record/batch-builder.ts'
export type { BatchHeader } from './record/batch-header.ts'
export type { TimestampType } from './record/record-cursor.ts'
export { RecordCursor } from './record/record-cursor.ts'
export type { SegmentFiles } from './segment/segment-files.ts'

// What is in files, and whether it is right; indexes built anew.

export { inspect } from './maintenance/inspect.ts'
export type { InspectLogOptions } from './maintenance/inspect-log.ts'
export {
  type FileReport,
  type Finding,
  type IndexReport,
  type IndexSummary,
  isSmallFile,
  isWrong,
  type LogReport,
  type SmallFileEntry,
  type SmallFileReport,
  type Verdict,
  worst,
} from './maintenance/inspect-report.ts'
export type { IndexState, ReindexOptions, ReindexResult } from './maintenance/reindex.ts'

// What can go wrong.

export {
  AlreadyExistsError,
  CorruptFileError,
  CorruptLogError,
  CorruptRecordError,
  type ErrorCode,
  type ErrorDetails,
  errorCodes,
  InvalidArgumentError,
  InvalidRecordError,
  LockedError,
  LogladyError,
  LogReplacedError,
  NotFoundError,
  NumberTooLargeError,
  OffsetOutOfRangeError,
  RecordsRemovedError,
  RecordTooLargeError,
  StorageError,
  SyncFailedError,
  TooLargeWhenDecompressedError,
} from './errors.ts'

// ---------------------------------------------------------------------------------------------------------------------
// The command line's own: kernels that move blocks, and calls of the operating system. Not for programs.

export { BackwardPartitionRecords } from './backward-records.ts'
export { DamageSkippingReader } from './damage-skipping-reader.ts'
export { replaceFile } from './file/durable.ts'
export { checkTopicName, partitionMetadataFile } from './file/names.ts'
export { formatOffsetCheckpoint, readOffsetCheckpoint } from './file/offset-checkpoint.ts'
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
export { CommittedView } from './isolation.ts'
export { inspectTarget } from './maintenance/inspect.ts'
export type { SegmentContext } from './maintenance/inspect-context.ts'
export { indexEntries } from './maintenance/inspect-index.ts'
export { LogInspection } from './maintenance/inspect-log.ts'
export { type InspectTarget, inspectTargets, inspectTopicTargets } from './maintenance/inspect-target.ts'
export { type ReindexAllOptions, reindexAll } from './maintenance/reindex-jobs.ts'
export { reindexTargets, reindexTopicTargets, WriteGuard } from './maintenance/reindex-targets.ts'
export type { BadBytes } from './maintenance/segment-scan.ts'
export { LastRecordsSearch, MergedRecords, type RecordStream, RecordsInTurns } from './merge.ts'
export { PartitionValues } from './partition-values.ts'
export { type Codec, codecs } from './record/compression/index.ts'
export { PartitionRecords, type RecordView } from './record-stream.ts'
