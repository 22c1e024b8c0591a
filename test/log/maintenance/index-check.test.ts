import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeOffsetEntry, OffsetIndex } from '../../../src/log/file/offset-index.ts'
import { encodeTimeEntry, TimeIndex } from '../../../src/log/file/time-index.ts'
import { type IndexCheckOptions, OffsetIndexCheck, TimeIndexCheck } from '../../../src/log/maintenance/index-check.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const newest: IndexCheckOptions = { isRolled: false, indexIntervalBytes: 4096 }
const rolled: IndexCheckOptions = { isRolled: true, indexIntervalBytes: 4096 }

/** Batches of ten records and 1000 bytes each: 100-109 at byte 0, 110-119 at 1000 …; batch n has maxTimestamp 5000 + n. */
const batches = Array.from({ length: 20 }, (_, n) => {
  return {
    position: n * 1000,
    sizeInBytes: 1000,
    baseOffset: 100 + n * 10,
    lastOffset: 109 + n * 10,
    maxTimestamp: 5000 + n,
  }
})

function checkOffsets(entries: [offset: number, position: number][], options = newest, padding = 0, log = batches) {
  const bytes = Buffer.alloc(entries.length * 8 + padding)
  entries.forEach(([offset, position], n) => {
    encodeOffsetEntry(bytes, n * 8, offset - 100, position)
  })
  const path = join(temporaryFolder(), 'index')
  writeFileSync(path, bytes)
  const index = OffsetIndex.open(path, 100)!
  const check = new OffsetIndexCheck(index, options)
  for (const batch of log) check.batch(batch)
  const last = log.at(-1)!
  check.finish(last.position + last.sizeInBytes, last.lastOffset)
  index.close()
  return check.problems.map(({ fault, message }) => `${fault}: ${message}`)
}

function checkTimes(entries: [timestamp: number, offset: number][], options = newest, padding = 0, log = batches) {
  const bytes = Buffer.alloc(entries.length * 12 + padding)
  entries.forEach(([timestamp, offset], n) => {
    encodeTimeEntry(bytes, n * 12, timestamp, offset - 100)
  })
  const path = join(temporaryFolder(), 'timeindex')
  writeFileSync(path, bytes)
  const index = TimeIndex.open(path, 100)!
  const check = new TimeIndexCheck(index, options)
  for (const batch of log) check.batch(batch)
  check.finish(log.at(-1)!.lastOffset)
  index.close()
  return check.problems.map(({ fault, message }) => `${fault}: ${message}`)
}

test('an index as it is written now is right', () => {
  const entries: [number, number][] = [
    [159, 5000],
    [209, 10_000],
    [259, 15_000],
  ]
  expect(checkOffsets(entries)).toEqual([])
  expect(checkOffsets(entries, rolled)).toEqual([])
  expect(checkOffsets([])).toEqual([])
})

test('entries of appends of many batches and of compaction are right', () => {
  // The last offset of the whole append at the position of its first batch; an offset inside the batch.
  expect(
    checkOffsets([
      [189, 5000],
      [259, 10_000],
      [299, 18_000],
    ]),
  ).toEqual([])
  expect(
    checkOffsets([
      [153, 5000],
      [200, 10_000],
    ]),
  ).toEqual([])
})

test('an entry that could lead a lookup past its batch is wrong', () => {
  expect(checkOffsets([[149, 5000]])).toEqual([
    'wrong: entry 0 (offset 149, byte 5000): a batch before it has offset 149',
  ])
  expect(checkOffsets([[150, 5000]])).toEqual([])
})

test('positions where no batch begins, and entries out of order, are wrong', () => {
  expect(checkOffsets([[159, 5001]])).toEqual(['wrong: entry 0 (offset 159, byte 5001): no batch begins at this byte'])
  expect(
    checkOffsets([
      [159, 5000],
      [155, 6000],
    ])[0],
  ).toMatch(/^wrong: entry 1 .*: not above the entry before it/)
  expect(
    checkOffsets([
      [159, 5000],
      [169, 5000],
    ])[0],
  ).toMatch(/^wrong: entry 1 .*: not above the entry before it/)
})

test('entries ahead of the log are wrong', () => {
  expect(
    checkOffsets([
      [159, 5000],
      [409, 30_000],
    ]),
  ).toEqual(['wrong: entry 1 (offset 409, byte 30000): the log ends at byte 20000 with offset 299'])
  expect(checkOffsets([[301, 5000]])).toEqual(['wrong: the last entry has offset 301, the log ends with 299'])
})

test('padding is right in the newest segment and not in a rolled one, half entries nowhere', () => {
  expect(checkOffsets([[159, 5000]], newest, 800)).toEqual([])
  expect(checkOffsets([[159, 5000]], rolled, 800)).toEqual([
    'padded: 800 zero bytes behind the last entry of a rolled segment',
  ])
  expect(checkOffsets([[159, 5000]], newest, 3)).toEqual(['wrong: 3 bytes behind the last whole entry'])
})

test('an index is short when more than 1 MiB, an interval and a batch have no entry', () => {
  const size = 100_000
  const large = (count: number) =>
    Array.from({ length: count }, (_, n) => {
      return { position: n * size, sizeInBytes: size, baseOffset: 100 + n, lastOffset: 100 + n, maxTimestamp: 5000 + n }
    })
  // (1048576 + 4096 + 100000) / 100000 = 11.5 batches
  expect(checkOffsets([], newest, 0, large(11))).toEqual([])
  expect(checkOffsets([], newest, 0, large(12))).toEqual([
    'short: no entry for 1200000 bytes from byte 0 of the log on',
  ])
  expect(checkOffsets([[110, 10 * size]], newest, 0, large(21))).toEqual([])
  expect(checkTimes([], newest, 0, large(11))).toEqual([])
  expect(checkTimes([], newest, 0, large(12))).toEqual(['short: no entry for 1200000 bytes from byte 0 of the log on'])
  expect(checkTimes([[5010, 110]], newest, 0, large(21))).toEqual([])
})

test('damage takes the entries that point into it out of the judgement', () => {
  const path = join(temporaryFolder(), 'index')
  const bytes = Buffer.alloc(16)
  encodeOffsetEntry(bytes, 0, 59, 5500)
  encodeOffsetEntry(bytes, 8, 119, 11_000)
  writeFileSync(path, bytes)
  const index = OffsetIndex.open(path, 100)!
  const check = new OffsetIndexCheck(index, newest)
  for (const batch of batches) {
    if (batch.position === 5000) check.skip(5000, 6000)
    else check.batch(batch)
  }
  check.finish(20_000, 299)
  expect(check.problems).toEqual([])
  index.close()
})

test('a time index is right with the offset of the batch or of a record in it', () => {
  expect(
    checkTimes([
      [5005, 159],
      [5010, 209],
    ]),
  ).toEqual([])
  expect(
    checkTimes([
      [5005, 151],
      [5010, 200],
    ]),
  ).toEqual([])
})

test('a time entry must name a batch with its timestamp, and none before may have a larger one', () => {
  expect(checkTimes([[5004, 159]])[0]).toBe(
    'wrong: entry 0 (timestamp 5004, offset 159): the largest timestamp of its batch is 5005',
  )
  const back = batches.map(batch => (batch.position === 2000 ? { ...batch, maxTimestamp: 9000 } : batch))
  expect(checkTimes([[5005, 159]], newest, 0, back)).toEqual([
    'wrong: entry 0 (timestamp 5005, offset 159): a batch before it has timestamp 9000',
  ])
  expect(checkTimes([[9000, 129]], newest, 0, back)).toEqual([])
  expect(
    checkTimes([
      [5005, 159],
      [5005, 169],
    ])[0],
  ).toMatch(/^wrong: entry 1 .*: not above the entry before it/)
  expect(checkTimes([[5999, 999]])).toEqual([
    'wrong: entry 0 (timestamp 5999, offset 999): the log ends with offset 299',
  ])
})

test('a time entry for an offset that no batch has is wrong', () => {
  const gapped = batches.filter(batch => batch.position !== 5000)
  expect(checkTimes([[5005, 155]], newest, 0, gapped)).toEqual([
    'wrong: entry 0 (timestamp 5005, offset 155): no batch has this offset',
  ])
})

test('only a rolled segment must have its largest timestamp in the last entry', () => {
  expect(checkTimes([[5005, 159]], newest)).toEqual([])
  expect(checkTimes([[5005, 159]], rolled)).toEqual([
    'short: no entry for the largest timestamp 5019 of a rolled segment, the last one has 5005',
  ])
  expect(
    checkTimes(
      [
        [5005, 159],
        [5019, 299],
      ],
      rolled,
    ),
  ).toEqual([])
  expect(checkTimes([], rolled)).toEqual([
    'short: no entry for the largest timestamp 5019 of a rolled segment, there is none',
  ])
  const timeless = batches.map(batch => ({ ...batch, maxTimestamp: -1 }))
  expect(checkTimes([], rolled, 0, timeless)).toEqual([])
})

test('of thousands of wrong entries a few are told', () => {
  const entries = Array.from({ length: 500 }, (_, n): [number, number] => [1000 + n, 40_000 + n])
  expect(checkOffsets(entries)).toHaveLength(8)
})
