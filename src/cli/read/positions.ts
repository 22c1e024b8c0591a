import { InvalidArgumentError, OffsetOutOfRangeError, type PartitionLog } from '../../log/index.ts'
import type { OffsetPosition, OffsetRange } from '../offset-grammar.ts'

export interface RangeOptions {
  range: OffsetRange
  /** Begin at the nearest offset instead of refusing one that is out of range. */
  clamp?: boolean
  /** The committed offset, for `stored`. */
  stored?: number | undefined
  /** What counts as the end: the log end offset, or the last stable one. */
  end: number
}

/** Where reading begins in one partition, and where it ends at the latest. */
export interface ResolvedRange {
  from: number
  /** Exclusive; undefined: no end but that of the log. */
  until: number | undefined
  /** The end is the first record with a timestamp of at least this, and the log has none yet. */
  untilTimestamp?: number
}

/** Throws OffsetOutOfRangeError for a start that retention removed or that lies beyond the end. */
export function resolveRange(log: PartitionLog, { range, clamp = false, stored, end }: RangeOptions): ResolvedRange {
  const from = checkStart(log, placeOf(log, range.from, end, stored), end, clamp)
  if (range.until === undefined) return { from, until: undefined }
  if (range.until.kind === 'time') {
    const found = log.offsetForTimestamp(range.until.timestamp)
    return found === undefined
      ? { from, until: undefined, untilTimestamp: range.until.timestamp }
      : { from, until: Math.max(from, found.offset) }
  }
  return { from, until: Math.max(from, placeOf(log, range.until, end, undefined)) }
}

function checkStart(log: PartitionLog, offset: number, end: number, clamp: boolean): number {
  // The last stable offset may lie below what a group has committed; then there is nothing to read yet.
  if (offset >= log.logStartOffset() && offset <= end) return offset
  try {
    log.checkOffset(offset)
    return offset
  } catch (error) {
    if (clamp && error instanceof OffsetOutOfRangeError) return error.nearest
    throw error
  }
}

function placeOf(log: PartitionLog, position: OffsetPosition, end: number, stored: number | undefined): number {
  switch (position.kind) {
    case 'beginning':
      return log.logStartOffset() + position.plus
    case 'end':
      return end
    case 'offset':
      return position.offset
    case 'time':
      return log.offsetForTimestamp(position.timestamp)?.offset ?? end
    case 'stored':
      return stored ?? log.logStartOffset()
    case 'last':
      throw new InvalidArgumentError('the last N are a place in no single partition')
  }
}
