import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SegmentScan, type SegmentScanOptions } from '../../../src/log/maintenance/segment-scan.ts'
import { rawBatch, rawRecord } from '../../helpers/raw-batch.ts'
import { seed } from '../../helpers/seed.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

function batch(baseOffset: number): Buffer {
  return rawBatch(rawRecord({ value: 'v'.repeat(baseOffset % 40) }), { baseOffset })
}

/** `batch 0`, `damage 70+12 1-2`: each step with where and what. */
function scan(bytes: Buffer, options: Partial<SegmentScanOptions> = {}): string[] {
  const path = join(temporaryFolder(), 'log')
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r')
  try {
    const scanned = new SegmentScan({ fd, path, baseOffset: 0, ...options })
    const steps: string[] = []
    for (let step = scanned.next(); step !== 'end'; step = scanned.next()) {
      if (step === 'batch') steps.push(`batch ${scanned.header.baseOffset}`)
      else {
        const { position, bytes: length, firstOffset, lastOffset } = scanned.badBytes!
        steps.push(`${step} ${position}+${length} ${firstOffset}-${lastOffset}`)
      }
    }
    return steps
  } finally {
    closeSync(fd)
  }
}

test('batches, damage and a tail come in the order of the file', () => {
  const good = [batch(0), batch(1), batch(2), batch(3), batch(4)]
  const start = good[0]!.length
  const damaged = Buffer.concat(good)
  damaged.fill(0x91, start, start + good[1]!.length)
  expect(scan(damaged)).toEqual(['batch 0', `damage ${start}+${good[1]!.length} 1-1`, 'batch 2', 'batch 3', 'batch 4'])
  const torn = damaged.subarray(0, -3)
  const tailAt = damaged.length - good[4]!.length
  expect(scan(torn).at(-1)).toBe(`tail ${tailAt}+${good[4]!.length - 3} 4-4`)
  expect(scan(Buffer.concat([good[0]!, Buffer.alloc(1000)]))).toEqual(['batch 0', `tail ${start}+1000 1--1`])
  expect(scan(Buffer.alloc(0))).toEqual([])
})

test('of a tail before another segment all offsets up to that are lost', () => {
  const bytes = Buffer.concat([batch(0), Buffer.from('no batch at all, just some text in its place, and that is it')])
  expect(scan(bytes, { nextBaseOffset: 10 }).at(-1)).toMatch(/ 1-9$/)
})

test(`whatever the bytes are, the steps cover the file once and end (seed ${seed})`, () => {
  const piece = fc.oneof(
    fc.nat({ max: 200 }).map(offset => batch(offset)),
    fc.uint8Array({ maxLength: 150 }).map(bytes => Buffer.from(bytes)),
    fc.nat({ max: 200 }).map(length => Buffer.alloc(length)),
    fc.nat({ max: 200 }).map(offset => batch(offset).subarray(0, 61)),
  )
  const run = fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
    const bytes = Buffer.concat(pieces)
    const path = join(folder, 'log')
    writeFileSync(path, bytes)
    const fd = openSync(path, 'r')
    try {
      const scanned = new SegmentScan({ fd, path, baseOffset: 0 })
      let at = 0
      for (let step = scanned.next(); step !== 'end'; step = scanned.next()) {
        expect(step === 'batch' ? scanned.filePosition : scanned.badBytes!.position).toBe(at)
        at = step === 'batch' ? scanned.nextPosition : at + scanned.badBytes!.bytes
      }
      expect(at).toBe(bytes.length)
    } finally {
      closeSync(fd)
    }
  })
  const folder = temporaryFolder()
  fc.assert(run, { numRuns: 300, seed })
})
