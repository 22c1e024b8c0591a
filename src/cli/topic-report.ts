import type { ConfigEntry, DataDirectory, PartitionLog, TopicDescription } from '../log/index.ts'
import { formatSize } from './sizes.ts'
import type { Column } from './table.ts'
import { formatLocalTime } from './time-grammar.ts'

/** What `topics` tells about a topic and its partitions: the rows, their JSON and their columns. */

export interface TopicRow {
  topic: string
  partitions: number
  /** Offsets between log start and log end. Compaction and transactions leave gaps, so there may be fewer records. */
  records: number
  bytes: number
  /** ms; null without any record. */
  firstTimestamp: number | null
  lastTimestamp: number | null
}

export function topicRow(directory: DataDirectory, topic: TopicDescription): TopicRow {
  const logs = directory.partitionsOf(topic)
  const known = (timestamps: (number | undefined)[]) => timestamps.filter(at => at !== undefined && at >= 0) as number[]
  const first = known(logs.map(log => log.firstTimestamp()))
  const last = known(logs.map(log => log.maxTimestamp()?.timestamp))
  return {
    topic: topic.name,
    partitions: logs.length,
    records: sum(logs.map(log => log.logEndOffset() - log.logStartOffset())),
    bytes: sum(logs.map(log => log.sizeInBytes())),
    firstTimestamp: first.length === 0 ? null : Math.min(...first),
    lastTimestamp: last.length === 0 ? null : Math.max(...last),
  }
}

export const topicColumns: Column<TopicRow>[] = [
  { heading: 'TOPIC', value: row => row.topic },
  { heading: 'PARTITIONS', align: 'right', value: row => row.partitions },
  { heading: 'RECORDS', align: 'right', value: row => row.records },
  { heading: 'SIZE', align: 'right', value: row => row.bytes, show: row => formatSize(row.bytes) },
  timeColumn('FIRST', row => row.firstTimestamp),
  timeColumn('LAST', row => row.lastTimestamp),
]

export interface PartitionRow {
  partition: number
  logStartOffset: number
  logEndOffset: number
  segments: number
  bytes: number
  recoveryPoint: number
}

export function partitionRow(log: PartitionLog): PartitionRow {
  return {
    partition: log.partition,
    logStartOffset: log.logStartOffset(),
    logEndOffset: log.logEndOffset(),
    segments: log.segments().length,
    bytes: log.sizeInBytes(),
    recoveryPoint: log.recoveryPoint(),
  }
}

export const partitionColumns: Column<PartitionRow>[] = [
  { heading: 'PARTITION', align: 'right', value: row => row.partition },
  { heading: 'LOG START', align: 'right', value: row => row.logStartOffset },
  { heading: 'LOG END', align: 'right', value: row => row.logEndOffset },
  { heading: 'SEGMENTS', align: 'right', value: row => row.segments },
  { heading: 'SIZE', align: 'right', value: row => row.bytes, show: row => formatSize(row.bytes) },
  { heading: 'RECOVERY POINT', align: 'right', value: row => row.recoveryPoint },
]

export const configColumns: Column<ConfigEntry>[] = [
  { heading: 'CONFIGURATION', value: entry => entry.name },
  { heading: 'VALUE', value: entry => entry.value },
  { heading: 'SOURCE', value: entry => entry.source },
  { heading: 'EFFECT', value: entry => effectOf(entry) },
]

export function effectOf({ honoured, note }: ConfigEntry): string {
  const effect = honoured ? 'honoured here' : 'kept for a broker'
  return note === undefined ? effect : `${effect}; ${note}`
}

function timeColumn(heading: string, value: (row: TopicRow) => number | null): Column<TopicRow> {
  return {
    heading,
    value: row => value(row) ?? undefined,
    show: row => (value(row) === null ? '-' : formatLocalTime(value(row)!)),
  }
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
