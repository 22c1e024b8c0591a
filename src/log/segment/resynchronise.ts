import { fstatSync } from 'node:fs'
import { OffsetIndex } from '../file/offset-index.ts'
import { planResync } from './resync-plan.ts'
import type { SegmentFiles } from './segment-files.ts'

/** Where valid batches go on behind damage. */
export interface ResyncPoint {
  position: number
  baseOffset: number
}

/** Offsets that a batch behind the damage may have: above the last good one, below the next segment. */
export interface OffsetBounds {
  atLeast: number
  below?: number
  /** False for a log that only loglady wrote: there a batch's successor has the very next offset. */
  hasGaps: boolean
}

/** The first place behind `position` where the log's own batches go on, or undefined; `planResync` has the rule. */
export function resynchronise(
  fd: number,
  segment: SegmentFiles,
  position: number,
  bounds: OffsetBounds,
): ResyncPoint | undefined {
  const chains = planResync({
    fd,
    path: segment.logPath,
    size: fstatSync(fd).size,
    position,
    above: bounds.atLeast - 1,
    ...(bounds.below !== undefined && { below: bounds.below }),
    indexPositions: indexPositions(segment),
    hasGaps: bounds.hasGaps,
  })
  const first = chains[0]
  return first === undefined ? undefined : { position: first.start, baseOffset: first.firstOffset }
}

function* indexPositions(segment: SegmentFiles): Generator<number> {
  const index = segment.indexPath === undefined ? undefined : OffsetIndex.open(segment.indexPath, segment.baseOffset)
  if (index === undefined) return
  try {
    for (let n = 0; n < index.entries; n++) yield index.entry(n).position
  } finally {
    index.close()
  }
}
