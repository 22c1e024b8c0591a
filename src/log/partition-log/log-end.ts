import { fstatSync } from 'node:fs'
import { resynchronise } from '../segment/resynchronise.ts'
import { SegmentCursor } from '../segment/segment-cursor.ts'
import type { SegmentFiles } from '../segment/segment-files.ts'
import type { PartitionFiles } from './partition-files.ts'

/**
 * The log end offset as a reader sees it: behind the last whole, valid batch of the newest segment, looked for from its
 * last index entry on. Damage does not end the log: batches that go on behind it count, and so does the recovery point,
 * below which everything was there once. So a read up to this offset meets the damage instead of stopping before it.
 */
export function findLogEndOffset(files: PartitionFiles, segments: readonly SegmentFiles[]): number {
  const newest = segments.at(-1)
  if (newest === undefined) return files.recoveryPointCheckpoint()
  const cursor = new SegmentCursor(newest, files.rules)
  try {
    cursor.seekToOffset(Number.MAX_SAFE_INTEGER - 1)
    let end = newest.baseOffset
    for (;;) {
      const outcome = cursor.next()
      if (outcome === 'batch') {
        end = cursor.header.nextOffset
      } else if (
        (outcome === 'damaged' || outcome === 'incomplete') &&
        cursor.filePosition < fstatSync(cursor.fd).size
      ) {
        const bounds = { atLeast: end, hasGaps: !files.rules.dense }
        const found = resynchronise(cursor.fd, newest, cursor.filePosition, bounds)
        if (found === undefined) break
        cursor.seek(found.position, found.baseOffset)
      } else {
        break
      }
    }
    return Math.max(end, files.recoveryPoint(segments))
  } finally {
    cursor.close()
  }
}
