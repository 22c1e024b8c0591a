import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeTimeEntry, TIME_ENTRY_SIZE, TimeIndex } from '../../../src/log/file/time-index.ts'
import { countReads } from '../../helpers/count-reads.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { seed } from '../../helpers/seed.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const killed = join(fixtureFolder, 'broker/killed/log-dir')
const killedActive = join(killed, 'killed-0/00000000000000000000.timeindex')
const killedRolled = join(killed, 'killed-rolled-0/00000000000000000201.timeindex')

/** The plain meaning of a padded time index: 12 bytes at a time until the first zeros behind slot 0. */
function entriesOf(bytes: Buffer, baseOffset: number): { timestamp: number; offset: number }[] {
  const entries = []
  for (let at = 0; at + 12 <= bytes.length; at += 12) {
    const timestamp = Number(bytes.readBigInt64BE(at))
    const relativeOffset = bytes.readInt32BE(at + 8)
    if (at > 0 && timestamp === 0 && relativeOffset === 0) break
    entries.push({ timestamp, offset: baseOffset + relativeOffset })
  }
  return entries
}

function open(path: string, baseOffset = 0): TimeIndex {
  return TimeIndex.open(path, baseOffset)!
}

function fileOf(...entries: [timestamp: number, relativeOffset: number][]): string {
  const bytes = Buffer.alloc(entries.length * TIME_ENTRY_SIZE)
  let at = 0
  for (const [timestamp, relativeOffset] of entries) at = encodeTimeEntry(bytes, at, timestamp, relativeOffset)
  const path = join(temporaryFolder(), '00000000000000001000.timeindex')
  writeFileSync(path, bytes)
  return path
}

test('every time index of a broker has the entries that its bytes show', () => {
  for (const path of goldenFiles('.timeindex')) {
    const baseOffset = Number(basename(path, '.timeindex'))
    const index = open(path, baseOffset)
    const expected = entriesOf(readFileSync(path), baseOffset)
    expect(index.entries, goldenName(path)).toBe(expected.length)
    expect(Array.from({ length: index.entries }, (_, n) => index.entry(n))).toEqual(expected)
    expect([...index.scan()]).toEqual(expected)
    expect(index.sanityCheck()).toBeUndefined()
    index.close()
  }
})

test('every entry of a broker is the largest timestamp so far and the end of the first batch that has it', () => {
  for (const path of goldenFiles('.timeindex')) {
    const log = readFileSync(path.replace(/timeindex$/, 'log'))
    const index = open(path, Number(basename(path, '.timeindex')))
    const expected = [...index.scan()]
    index.close()
    const found = []
    let largest = -1
    for (let at = 0; at + 61 <= log.length && log.readInt32BE(at + 8) > 0; at += 12 + log.readInt32BE(at + 8)) {
      if (log[at + 16] !== 2) continue
      const timestamp = Number(log.readBigInt64BE(at + 35))
      if (timestamp <= largest) continue
      largest = timestamp
      found.push({ timestamp, offset: Number(log.readBigInt64BE(at)) + log.readInt32BE(at + 23) })
    }
    if (found.length > 0) expect(found, goldenName(path)).toEqual(expect.arrayContaining(expected))
  }
})

test('a lookup at, before and after every timestamp of every time index equals the plain scan', () => {
  for (const path of goldenFiles('.timeindex')) {
    const index = open(path, Number(basename(path, '.timeindex')))
    const entries = [...index.scan()]
    for (const { timestamp } of entries) {
      for (const target of [timestamp - 1, timestamp, timestamp + 1]) {
        const expected = entries.findLastIndex(entry => entry.timestamp <= target)
        if (index.lookup(target) !== expected) expect.fail(`${goldenName(path)}: time ${target} is not at ${expected}`)
      }
    }
    expect(index.lookup(-1)).toBe(-1)
    expect(index.lookup(Number.MAX_SAFE_INTEGER)).toBe(entries.length - 1)
    index.close()
  }
})

test('the time index of a killed broker ends before its padding', () => {
  const index = open(killedActive)
  expect(index.sizeInBytes).toBe(16380)
  expect(index.entries).toBeGreaterThan(10)
  expect(index.paddingBytes).toBe(16380 - index.entries * 12)
  index.close()
})

test('the last entry of a rolled segment carries the largest timestamp of the segment', () => {
  const log = readFileSync(killedRolled.replace(/timeindex$/, 'log'))
  let largest = -1
  for (let at = 0; at < log.length; at += 12 + log.readInt32BE(at + 8)) {
    largest = Math.max(largest, Number(log.readBigInt64BE(at + 35)))
  }
  const index = open(killedRolled, 201)
  expect(index.entry(index.entries - 1).timestamp).toBe(largest)
  index.close()
})

test('real entries padded to every size from none to 100 slots are found again', () => {
  const path = join(temporaryFolder(), 'padded.timeindex')
  const bytes = readFileSync(killedRolled)
  for (let keep = 1; keep <= 49; keep += 6) {
    for (let slots = keep; slots <= 100; slots++) {
      const padded = Buffer.alloc(slots * 12)
      bytes.copy(padded, 0, 0, keep * 12)
      writeFileSync(path, padded)
      const index = open(path, 201)
      expect([slots, index.entries]).toEqual([slots, keep])
      index.close()
    }
  }
})

test('an entry that was cut in the middle does not count', () => {
  const path = join(temporaryFolder(), 'cut.timeindex')
  copyFileSync(killedRolled, path)
  for (let size = 600 - 1; size >= 600 - 12; size--) {
    truncateSync(path, size)
    const index = open(path, 201)
    expect(index.entries).toBe(49)
    if (size % 12 !== 0) expect(index.sanityCheck()).toBe(`the size is ${size} bytes, no multiple of 12`)
    index.close()
  }
})

test('an index of nothing but padding has no entries, a single slot of zeros is the time 0', () => {
  const padded = open(fileOf([0, 0], [0, 0], [0, 0]), 1000)
  expect(padded.entries).toBe(0)
  expect(padded.lookup(5)).toBe(-1)
  padded.close()
  const single = open(fileOf([0, 0]), 1000)
  expect([...single.scan()]).toEqual([{ timestamp: 0, offset: 1000 }])
  expect(single.lookup(0)).toBe(0)
  single.close()
})

test('a missing time index is undefined', () => {
  expect(TimeIndex.open(join(temporaryFolder(), 'no.timeindex'), 0)).toBeUndefined()
})

test('the sanity check names a last entry that lies before the first one or below the base offset', () => {
  const older = open(fileOf([50, 1], [40, 2]), 1000)
  expect(older.sanityCheck()).toBe("the last entry's timestamp is 40, below the first one's 50")
  older.close()
  const below = open(fileOf([50, 1], [60, -2]), 1000)
  expect(below.sanityCheck()).toBe("the last entry's offset is 998, below the base offset 1000")
  below.close()
})

test('timestamps beyond 2^53 neither throw nor keep a lookup from ending', () => {
  const path = fileOf([50, 1], [60, 2], [70, 3])
  const bytes = readFileSync(path)
  bytes.writeBigInt64BE(2n ** 63n - 1n, 12)
  bytes.writeBigInt64BE(-(2n ** 63n), 24)
  writeFileSync(path, bytes)
  const index = open(path, 1000)
  expect(index.entry(1).timestamp).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
  expect(index.entry(2).timestamp).toBeLessThan(Number.MIN_SAFE_INTEGER)
  for (const target of [0, 50, 55, Number.MAX_SAFE_INTEGER]) expect(index.lookup(target)).toBeLessThan(3)
  index.close()
})

test('negative times and times before 1970 keep their value through the encoder', () => {
  const index = open(fileOf([-1, 0], [-86_400_000, 2 ** 31 - 1], [Number.MAX_SAFE_INTEGER, 7]), 1000)
  expect([...index.scan()]).toEqual([
    { timestamp: -1, offset: 1000 },
    { timestamp: -86_400_000, offset: 2 ** 31 + 999 },
    { timestamp: Number.MAX_SAFE_INTEGER, offset: 1007 },
  ])
  index.close()
})

test('a lookup in a padded time index of 10 MiB reads less than a kilobyte', () => {
  const path = join(temporaryFolder(), '00000000000000000000.timeindex')
  const bytes = Buffer.alloc(10485756)
  const entries = 500_000
  for (let n = 0, at = 0; n < entries; n++) at = encodeTimeEntry(bytes, at, 1_760_000_000_000 + n * 10, n * 100)
  writeFileSync(path, bytes)
  let n: number | undefined
  const reads = countReads(() => {
    const index = open(path)
    n = index.lookup(1_760_003_141_592)
    index.close()
  })
  expect(n).toBe(314_159)
  expect(reads.bytes).toBeLessThan(1024)
})

test(`a file of any bytes gives entries, lookups that end, and a verdict (seed ${seed})`, () => {
  const path = join(temporaryFolder(), 'any.index')
  const bytes = fc.uint8Array({ maxLength: 200 })
  // Zeros are what real files are full of.
  const sparse = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { maxLength: 2000 })
  fc.assert(
    fc.property(fc.oneof(bytes, sparse), fc.integer(), (content, target) => {
      writeFileSync(path, Buffer.from(content))
      const index = open(path, 1000)
      const n = index.lookup(target)
      expect(n >= -1 && n < index.entries).toBe(true)
      if (n >= 0) index.entry(n)
      expect([...index.scan()]).toHaveLength(index.entries)
      expect(index.entries * index.entrySize + index.paddingBytes + index.trailingBytes).toBe(content.length)
      index.sanityCheck()
      index.close()
    }),
    { numRuns: 500, seed },
  )
})
