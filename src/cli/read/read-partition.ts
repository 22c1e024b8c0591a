import { CommittedView, type DataDirectory, type Isolation, type PartitionLog } from '../../log/index.ts'
import type { OffsetRange } from '../offset-grammar.ts'
import type { RecordOrigin } from '../output/record-writer.ts'
import { resolveRange } from './positions.ts'

/** One partition that is read, and which part of it. */
export interface ReadPartition extends RecordOrigin {
  readonly log: PartitionLog
  readonly from: number
  /** Exclusive: where the log ended when reading began, or before. */
  readonly until: number
  /** Exclusive, when following; undefined: no end. */
  readonly followUntil: number | undefined
  /** When following: the first record with a timestamp of at least this is the end. */
  readonly untilTimestamp?: number | undefined
  readonly committed: CommittedView | undefined
}

export interface OpenPartitionOptions {
  range: OffsetRange
  clamp?: boolean
  isolation: Isolation
  skipCorrupt: boolean
  storedOffset?: (topic: string, partition: number) => number | undefined
}

export function openPartition(
  directory: DataDirectory,
  { topic, partition }: RecordOrigin,
  { range, clamp, isolation, skipCorrupt, storedOffset }: OpenPartitionOptions,
): ReadPartition {
  const log = directory.partition(topic, partition)
  const committed =
    isolation === 'read_committed'
      ? new CommittedView(log.reader({ from: log.logStartOffset() }), { skipDamage: skipCorrupt })
      : undefined
  const logEnd = log.logEndOffset()
  const end = committed === undefined ? logEnd : Math.min(logEnd, committed.lastStableOffset)
  const { from, until, untilTimestamp } = resolveRange(log, {
    // The last N are found later, over all partitions together.
    range: range.from.kind === 'last' ? { from: { kind: 'beginning', plus: 0 } } : range,
    clamp,
    stored: storedOffset?.(topic, partition),
    end,
  })
  return {
    topic,
    partition,
    log,
    from,
    until: Math.max(from, Math.min(until ?? end, end)),
    followUntil: until,
    untilTimestamp,
    committed,
  }
}
