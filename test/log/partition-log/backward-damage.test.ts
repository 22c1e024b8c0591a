import { rmSync, truncateSync, writeFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import type { CorruptLogError } from '../../../src/log/errors.ts'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { TestPartition } from '../../helpers/partition.ts'
import { batchStarts } from '../../helpers/raw-segment.ts'
import { sharedTemporaryFolder } from '../../helpers/temporary-folder.ts'

const LOG = '00000000000000000000.log'
const COUNT = 24

let original: TestPartition
const folder = sharedTemporaryFolder()

/** One record a batch; every third batch has an index entry. */
beforeAll(async () => {
  original = await TestPartition.create({ 'index.interval.bytes': 200 }, folder)
  await original.append(Array.from({ length: COUNT }, (_, i) => [`value ${i}`]))
  return () => original.close()
})

/** The base offsets that come, and what ended them. */
function readBackward(partition: TestPartition): { offsets: number[]; error?: CorruptLogError } {
  const reader = partition.log.backwardReader()
  const offsets: number[] = []
  try {
    for (let header = reader.next(); header !== undefined; header = reader.next()) offsets.push(header.baseOffset)
    return { offsets }
  } catch (error) {
    return { offsets, error: error as CorruptLogError }
  } finally {
    reader.close()
  }
}

const downTo = (batch: number) => Array.from({ length: COUNT - batch }, (_, i) => COUNT - 1 - i)

test('read backwards, a closed log with a flipped bit at any byte gives no record under a wrong offset and ends in damage', () => {
  const partition = original.copy()
  const good = partition.bytes(LOG)
  const starts = batchStarts(good)
  for (let at = 0; at < good.length; at++) {
    const flipped = Buffer.from(good)
    flipped[at]! ^= 1 << (at % 8)
    writeFileSync(partition.file(LOG), flipped)
    const { offsets, error } = readBackward(partition)
    const batch = starts.findLastIndex(start => start <= at)
    expect(error, `byte ${at}`).toMatchObject({ code: 'LOGLADY_CORRUPT_LOG', path: partition.file(LOG) })
    expect(offsets, `byte ${at}`).toEqual(downTo(COUNT - offsets.length))
    expect(offsets.length, `byte ${at}`).toBeLessThan(COUNT - batch)
    // Where the chain of headers breaks, nothing of that stretch is given.
    const header = new BatchHeader()
    const check = header.read(flipped, starts[batch]!, flipped.length)
    if (check !== 'whole' || header.sizeInBytes !== starts[batch + 1]! - starts[batch]!) continue
    // One that claims all offsets up to the end, or more, hides those behind it.
    if (header.nextOffset >= COUNT) continue
    expect(offsets, `byte ${at}`).toEqual(downTo(batch + 1))
    expect(error!.position, `byte ${at}`).toBe(starts[batch])
  }
})

test('damage that nobody asks for stops nobody', () => {
  const partition = original.copy()
  const flipped = partition.bytes(LOG)
  flipped[batchStarts(flipped)[4]! + 7]! ^= 8
  writeFileSync(partition.file(LOG), flipped)
  const reader = partition.log.backwardReader()
  for (let offset = COUNT - 1; offset > 4; offset--) expect(reader.next()!.baseOffset).toBe(offset)
  expect(() => reader.next()).toThrow('wrong base offset, expected 4, found 12')
  reader.close()
})

test('a lost end, and a lost segment, are damage also from behind', async () => {
  const partition = original.copy()
  truncateSync(partition.file(LOG), batchStarts(partition.bytes(LOG))[COUNT - 2])
  expect(readBackward(partition)).toMatchObject({
    offsets: [],
    error: { firstOffset: COUNT - 2, lastOffset: COUNT - 1 },
  })
  const segmented = await TestPartition.create({ 'segment.bytes': 1024 })
  await segmented.append(Array.from({ length: 6 }, (_, i) => [`${i}`.repeat(400)]))
  rmSync(segmented.file(segmented.logs()[1]!))
  const { offsets, error } = readBackward(segmented)
  expect(offsets).toEqual([5, 4])
  expect(error).toMatchObject({ path: segmented.file(LOG), firstOffset: 2, lastOffset: 3 })
})
