import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { PartitionLog } from '../../src/log/index.ts'
import { BatchScanner } from '../../src/log/segment/batch-scanner.ts'
import { IndexRule } from '../../src/log/segment/index-rule.ts'
import { closeQuietly, openSegmentFile } from '../../src/log/segment/segment-files.ts'

/** What the two indexes of a closed segment must hold: the rule fed with every batch, and the forced last time entry. */
export function rebuiltIndexes(
  logPath: string,
  baseOffset: number,
  indexIntervalBytes: number,
): { index: Buffer; timeIndex: Buffer } {
  const rule = new IndexRule(baseOffset, indexIntervalBytes)
  const fd = openSegmentFile(logPath, 'r')
  try {
    const scanner = new BatchScanner(fd, logPath, 0)
    while (scanner.next() === 'batch') {
      rule.feed(scanner.filePosition, scanner.header.lastOffset, scanner.header.maxTimestamp)
    }
  } finally {
    closeQuietly(fd)
  }
  const time = rule.timeBytes.subarray(0, rule.timeLength)
  return {
    index: Buffer.from(rule.offsetBytes.subarray(0, rule.offsetLength)),
    timeIndex: Buffer.concat([time, rule.forcedTimeEntry() ?? Buffer.alloc(0)]),
  }
}

/** Each index of a log whose last writer ended cleanly equals, byte for byte, the one rebuilt from its segment. */
export function expectIndexesAsRebuilt(log: PartitionLog, indexIntervalBytes = 4096): void {
  for (const { logPath, indexPath, timeIndexPath, baseOffset } of log.segments()) {
    const rebuilt = rebuiltIndexes(logPath, baseOffset, indexIntervalBytes)
    expect(readFileSync(indexPath!).equals(rebuilt.index), indexPath).toBe(true)
    expect(readFileSync(timeIndexPath!).equals(rebuilt.timeIndex), timeIndexPath).toBe(true)
  }
}
