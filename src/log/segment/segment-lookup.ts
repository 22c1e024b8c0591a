import { OffsetIndex } from '../file/offset-index.ts'
import type { BatchScanner } from './batch-scanner.ts'
import type { SegmentFiles } from './segment-files.ts'

/**
 * Puts the scanner on a batch from which a scan meets the first batch whose last offset is `offset` or more, and
 * returns its position. The index only proposes: the batch at the proposed byte must be valid, begin there and have a base
 * offset of at most `offset`, and for an index of our own (`exact`) a last offset as the entry says; else the entry
 * before it is tried, else byte 0, so that a lost, stale or lying index costs time and nothing else.
 */
export function seekToOffset(scanner: BatchScanner, segment: SegmentFiles, offset: number, exact: boolean): number {
  const index = segment.indexPath === undefined ? undefined : OffsetIndex.open(segment.indexPath, segment.baseOffset)
  if (index !== undefined) {
    try {
      const found = index.lookup(offset)
      for (let n = found; n >= 0 && n > found - 2; n--) {
        const entry = index.entry(n)
        scanner.seek(entry.position)
        if (scanner.next() !== 'batch' || scanner.header.baseOffset > offset) continue
        if (exact && scanner.header.lastOffset !== entry.offset) continue
        scanner.again()
        return entry.position
      }
    } finally {
      index.close()
    }
  }
  scanner.seek(0)
  return 0
}
