import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { planResync, type ResyncOptions } from '../../../src/log/segment/resync-plan.ts'
import { rawBatch, rawMessage, rawRecord } from '../../helpers/raw-batch.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

/** A batch of `count` records, the first one with this value. */
function batch(baseOffset: number, count = 10, value: string | Buffer = 'v'): Buffer {
  const records = Array.from({ length: count }, (_, i) => rawRecord({ offsetDelta: i, value: i === 0 ? value : 'v' }))
  return rawBatch(Buffer.concat(records), { baseOffset, count })
}

function plan(bytes: Buffer, options: Partial<ResyncOptions> & Pick<ResyncOptions, 'position' | 'above'>) {
  const path = join(temporaryFolder(), 'log')
  writeFileSync(path, bytes)
  const fd = openSync(path, 'r')
  try {
    return planResync({ fd, path, size: bytes.length, ...options }).map(({ start, end, firstOffset, lastOffset }) => {
      return [start, end, firstOffset, lastOffset]
    })
  } finally {
    closeSync(fd)
  }
}

/** The batches in one buffer, and where each begins. */
function log(...batches: Buffer[]): { bytes: Buffer; starts: number[] } {
  let at = 0
  const starts = batches.map(({ length }) => {
    at += length
    return at - length
  })
  return { bytes: Buffer.concat(batches), starts }
}

function flip(bytes: Buffer, position: number, mask: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[position]! ^= mask
  return copy
}

test('a flipped bit anywhere in a batch costs that batch and no other', () => {
  const { bytes, starts } = log(batch(0), batch(10), batch(20), batch(30))
  const folder = temporaryFolder()
  const path = join(folder, 'log')
  const end = [starts[2], bytes.length, 20, 39]
  for (let position = starts[1]!; position < starts[2]!; position++) {
    for (const mask of [0x01, 0x02, 0x10, 0x80]) {
      writeFileSync(path, flip(bytes, position, mask))
      const fd = openSync(path, 'r')
      const [first] = planResync({ fd, path, size: bytes.length, position: starts[1]!, above: 9 })
      closeSync(fd)
      const found = first && [first.start, first.end, first.firstOffset, first.lastOffset]
      expect(found, `byte ${position - starts[1]!} ^ ${mask}`).toEqual(end)
    }
  }
})

test('a length that spans exactly the batch behind too does not hide it', () => {
  const sized = batch(20)
  const { bytes, starts } = log(batch(0), batch(10), sized, batch(30))
  bytes.writeInt32BE(bytes.readInt32BE(starts[1]! + 8) + sized.length, starts[1]! + 8)
  expect(plan(bytes, { position: starts[1]!, above: 9 })).toEqual([[starts[2], bytes.length, 20, 39]])
  bytes.writeInt32BE(bytes.length - starts[1]! - 12, starts[1]! + 8)
  expect(plan(bytes, { position: starts[1]!, above: 9 })).toEqual([[starts[2], bytes.length, 20, 39]])
})

test('several damaged places are planned in one go', () => {
  const { bytes, starts } = log(...Array.from({ length: 9 }, (_, i) => batch(i * 10)))
  // A broken CRC, a header of zeros, a broken length.
  bytes[starts[1]! + 70]! ^= 1
  bytes.fill(0, starts[4], starts[4]! + 61)
  bytes.writeInt32BE(0x7000_0000, starts[6]! + 8)
  expect(plan(bytes, { position: starts[1]!, above: 9 })).toEqual([
    [starts[2], starts[4], 20, 39],
    [starts[5], starts[6], 50, 59],
    [starts[7], bytes.length, 70, 89],
  ])
})

/** A segment as somebody may have appended it, as the value of one record: its offsets are above those around it. */
const inner = Buffer.concat([batch(12), batch(22), batch(300, 101)])
const outer = () => log(batch(0), batch(10, 10, Buffer.concat([Buffer.from('x'), inner])), batch(20), batch(30))

test('batches inside a value are not taken for the log, however the batch around them is damaged', () => {
  const { starts, bytes: whole } = outer()
  const start = starts[1]!
  const damages: [string, (bytes: Buffer) => void][] = [
    ['CRC', bytes => bytes.writeUInt32BE(1, start + 17)],
    ['length beyond the end', bytes => bytes.writeInt32BE(0x7000_0000, start + 8)],
    ['length of the header alone', bytes => bytes.writeInt32BE(49, start + 8)],
    ['length 0', bytes => bytes.writeInt32BE(0, start + 8)],
    ['magic', bytes => bytes.writeInt8(7, start + 16)],
    ['base offset', bytes => bytes.writeInt32BE(77, start)],
    ['zeroed header', bytes => bytes.fill(0, start, start + 61)],
    ['header of garbage', bytes => bytes.fill(0x91, start, start + 61)],
  ]
  for (const [name, damage] of damages) {
    const bytes = Buffer.from(whole)
    damage(bytes)
    expect(plan(bytes, { position: start, above: 9 }), name).toEqual([[starts[2], bytes.length, 20, 39]])
  }
})

test('with the last batch torn at any byte nothing is found in it', () => {
  const { bytes: all, starts } = outer()
  const bytes = all.subarray(0, starts[2])
  for (let size = starts[1]! + 1; size < bytes.length; size++) {
    expect(plan(bytes.subarray(0, size), { position: starts[1]!, above: 9 }), `cut at ${size}`).toEqual([])
  }
})

test('with a sector of zeros in the last batch nothing is found in it', () => {
  const { bytes: all, starts } = log(
    batch(0),
    batch(10, 1, Buffer.concat([batch(12, 100), batch(112, 100), batch(212)])),
  )
  for (let at = starts[1]! + 61; at < all.length; at += 64) {
    const bytes = Buffer.from(all)
    bytes.fill(0, at, Math.min(at + 512, bytes.length))
    expect(plan(bytes, { position: starts[1]!, above: 9 }), `zeros from ${at}`).toEqual([])
  }
})

test('a place that the index names is believed although only garbage follows', () => {
  const { bytes, starts } = log(batch(0), Buffer.alloc(200, 0x91), batch(20), Buffer.alloc(300, 0x91))
  expect(plan(bytes, { position: starts[1]!, above: 9 })).toEqual([])
  const indexPositions = [starts[2]!]
  expect(plan(bytes, { position: starts[1]!, above: 9, indexPositions })).toEqual([[starts[2], starts[3], 20, 29]])
})

test('offsets at or below the last good one, and at or above the next segment, are not this log', () => {
  const { bytes, starts } = log(batch(100), Buffer.alloc(100, 0x91), batch(50), batch(110))
  expect(plan(bytes, { position: starts[1]!, above: 109 })).toEqual([[starts[3], bytes.length, 110, 119]])
  expect(plan(bytes, { position: starts[1]!, above: 109, below: 119 })).toEqual([])
})

test('a base offset that jumped ahead hides neither the batches before it nor those behind', () => {
  const { bytes, starts } = log(batch(0), Buffer.alloc(100, 0x91), batch(20), batch(30), batch(40), batch(50))
  bytes.writeInt32BE(5, starts[4]! + 4)
  bytes.writeBigInt64BE(4000n, starts[4]!)
  const found = plan(bytes, { position: starts[1]!, above: 9 })
  expect(found).toEqual([
    [starts[2], starts[4], 20, 39],
    [starts[5], bytes.length, 50, 59],
  ])
})

test('behind a length that is too long the rest of a compacted log is found, if it may have gaps', () => {
  const { bytes, starts } = log(batch(0), batch(10), batch(25), batch(40))
  bytes.writeInt32BE(0x7000_0000, starts[1]! + 8)
  expect(plan(bytes, { position: starts[1]!, above: 9 })).toEqual([])
  expect(plan(bytes, { position: starts[1]!, above: 9, hasGaps: true })).toEqual([[starts[2], bytes.length, 25, 49]])
})

test('batches larger than what is searched at once are found', () => {
  const large = Buffer.alloc(3 << 20, 2)
  const { bytes, starts } = log(batch(0), batch(10, 1, large), batch(11, 1, large), batch(12))
  bytes.fill(0x91, starts[1], starts[1]! + 61)
  expect(plan(bytes, { position: starts[1]!, above: 9 })).toEqual([[starts[2], bytes.length, 11, 21]])
})

test('message sets of magic 0 and 1 are looked for where the segment has such', () => {
  const messages = Array.from({ length: 6 }, (_, i) => rawMessage({ magic: i < 3 ? 0 : 1, offset: i, value: `v${i}` }))
  const { bytes, starts } = log(...messages)
  bytes.writeInt32BE(3, starts[1]! + 8)
  expect(plan(bytes, { position: starts[1]!, above: 0 })).toEqual([])
  expect(plan(bytes, { position: starts[1]!, above: 0, legacy: true })).toEqual([[starts[2], bytes.length, 2, 5]])
})

test('crafted headers do not make the search endless', () => {
  const header = batch(10).subarray(0, 61)
  const bytes = Buffer.concat([batch(0), Buffer.alloc(70, 0x91), ...Array.from({ length: 20_000 }, () => header)])
  for (let at = batch(0).length + 70; at < bytes.length; at += 61) bytes.writeInt32BE(bytes.length - at - 12, at + 8)
  expect(plan(bytes, { position: batch(0).length, above: 9 })).toEqual([])
})
