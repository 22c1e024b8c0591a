import { readFileSync } from 'node:fs'
import { BatchHeader } from '../../src/log/record/batch-header.ts'
import { BatchScanner } from '../../src/log/segment/batch-scanner.ts'
import { IndexRule } from '../../src/log/segment/index-rule.ts'
import { closeQuietly, openSegmentFile } from '../../src/log/segment/segment-files.ts'

/** Where each batch of a `.log` starts, and at last where the file ends. */
export function batchStarts(bytes: Buffer): number[] {
  const header = new BatchHeader()
  const starts: number[] = []
  let at = 0
  for (; at < bytes.length; at += header.sizeInBytes) {
    if (header.read(bytes, at, bytes.length) !== 'whole') throw new Error(`no batch at byte ${at}`)
    starts.push(at)
  }
  return [...starts, at]
}

/** The indexes that belong to a `.log`: the rule fed with every batch, and the time entry that closing forces. */
export function freshIndexes(
  logPath: string,
  baseOffset: number,
  interval: number,
): { index: Buffer; timeIndex: Buffer } {
  const rule = new IndexRule(baseOffset, interval)
  const fd = openSegmentFile(logPath, 'r')
  const scanner = new BatchScanner(fd, logPath, 0)
  while (scanner.next() === 'batch') {
    rule.feed(scanner.filePosition, scanner.header.lastOffset, scanner.header.maxTimestamp)
  }
  closeQuietly(fd)
  const time = rule.timeBytes.subarray(0, rule.timeLength)
  return {
    index: Buffer.from(rule.offsetBytes.subarray(0, rule.offsetLength)),
    timeIndex: Buffer.concat([time, rule.forcedTimeEntry() ?? Buffer.alloc(0)]),
  }
}

/** What the two files of a segment hold now. */
export function readIndexes(logPath: string): { index: Buffer; timeIndex: Buffer } {
  const stem = logPath.replace(/\.log$/, '')
  return { index: readFileSync(`${stem}.index`), timeIndex: readFileSync(`${stem}.timeindex`) }
}
