import { setImmediate as nextTurn } from 'node:timers/promises'
import { CommittedView, type DataDirectory, type Isolation, type PartitionLog } from '../../log/index.ts'
import type { OffsetRange } from '../offset-grammar.ts'
import type { RecordOrigin } from '../output/record-writer.ts'
import { resolveRange } from './positions.ts'

/** Some milliseconds, with batches of ordinary size. */
const BATCHES_BETWEEN_EVENTS = 100

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
  /** Records with a smaller timestamp (ms) are not wanted. */
  since?: number | undefined
  storedOffset?: (topic: string, partition: number) => number | undefined
}

export async function openPartition(
  directory: DataDirectory,
  { topic, partition }: RecordOrigin,
  { range, clamp, isolation, skipCorrupt, since, storedOffset }: OpenPartitionOptions,
): Promise<ReadPartition> {
  const log = directory.partition(topic, partition)
  const committed = isolation === 'read_committed' ? await viewCommitted(log, skipCorrupt) : undefined
  const logEnd = log.logEndOffset()
  const end = committed === undefined ? logEnd : Math.min(logEnd, committed.lastStableOffset)
  const resolved = resolveRange(log, {
    // The last N are found later, over all partitions together.
    range: range.from.kind === 'last' ? { from: { kind: 'beginning', plus: 0 } } : range,
    clamp,
    stored: storedOffset?.(topic, partition),
    end,
  })
  const { until, untilTimestamp } = resolved
  // Whatever lies before the first record of that time is older, so it need not be looked at.
  const from =
    since === undefined ? resolved.from : Math.max(resolved.from, log.offsetForTimestamp(since)?.offset ?? end)
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

/** The pass over the whole log, with pauses in which a signal can be heard. */
async function viewCommitted(log: PartitionLog, skipDamage: boolean): Promise<CommittedView> {
  const view = new CommittedView(log.reader({ from: log.logStartOffset() }), { skipDamage, inSteps: true })
  while (!view.advance(BATCHES_BETWEEN_EVENTS)) await nextTurn()
  return view
}
