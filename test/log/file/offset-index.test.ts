import { appendFileSync, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeOffsetEntry, OFFSET_ENTRY_SIZE, OffsetIndex } from '../../../src/log/file/offset-index.ts'
import { countReads } from '../../helpers/count-reads.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { seed } from '../../helpers/seed.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const broker = join(fixtureFolder, 'broker')
const killedActive = join(broker, 'killed/log-dir/killed-rolled-0/00000000000000001011.index')
const preallocatedActive = join(broker, 'preallocated/log-dir/preallocated-0/00000000000000000000.index')
const killedRolled = join(broker, 'killed/log-dir/killed-rolled-0/00000000000000000201.index')

/** The plain meaning of a padded index: 8 bytes at a time until the first zeros behind slot 0. */
function entriesOf(bytes: Buffer, baseOffset: number): { offset: number; position: number }[] {
  const entries = []
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    if (at > 0 && bytes.readBigInt64BE(at) === 0n) break
    entries.push({ offset: baseOffset + bytes.readInt32BE(at), position: bytes.readInt32BE(at + 4) })
  }
  return entries
}

/** Where each batch of a log starts, by the length fields alone. */
function batchStarts(log: Buffer): Map<number, { baseOffset: number; lastOffset: number }> {
  const starts = new Map()
  for (let at = 0; at + 61 <= log.length && log.readInt32BE(at + 8) > 0; at += 12 + log.readInt32BE(at + 8)) {
    const baseOffset = Number(log.readBigInt64BE(at))
    const lastOffset = log[at + 16] === 2 ? baseOffset + log.readInt32BE(at + 23) : baseOffset
    starts.set(at, { baseOffset, lastOffset })
  }
  return starts
}

function open(path: string, baseOffset = 0): OffsetIndex {
  return OffsetIndex.open(path, baseOffset)!
}

function fileOf(...entries: [relativeOffset: number, position: number][]): string {
  const bytes = Buffer.alloc(entries.length * OFFSET_ENTRY_SIZE)
  let at = 0
  for (const [relativeOffset, position] of entries) at = encodeOffsetEntry(bytes, at, relativeOffset, position)
  const path = join(temporaryFolder(), '00000000000000001000.index')
  writeFileSync(path, bytes)
  return path
}

test('every index of a broker has the entries that its bytes show', () => {
  for (const path of goldenFiles('.index')) {
    const baseOffset = Number(basename(path, '.index'))
    const index = open(path, baseOffset)
    const expected = entriesOf(readFileSync(path), baseOffset)
    expect(index.entries, goldenName(path)).toBe(expected.length)
    expect(Array.from({ length: index.entries }, (_, n) => index.entry(n))).toEqual(expected)
    expect([...index.scan()]).toEqual(expected)
    expect(index.sanityCheck()).toBeUndefined()
    index.close()
  }
})

test('every index of a broker points at batches whose last offset is the entry', () => {
  for (const path of goldenFiles('.index')) {
    const starts = batchStarts(readFileSync(path.replace(/index$/, 'log')))
    const index = open(path, Number(basename(path, '.index')))
    for (const { offset, position } of index.scan()) {
      expect(starts.get(position)?.lastOffset, `${goldenName(path)} at ${position}`).toBe(offset)
    }
    index.close()
  }
})

test('a lookup of every offset in every index of a broker equals the plain scan', () => {
  for (const path of goldenFiles('.index')) {
    const baseOffset = Number(basename(path, '.index'))
    const index = open(path, baseOffset)
    const entries = [...index.scan()]
    const last = entries.at(-1)?.offset ?? baseOffset
    for (let offset = baseOffset - 2; offset <= last + 2; offset++) {
      const expected = entries.findLastIndex(entry => entry.offset <= offset)
      if (index.lookup(offset) !== expected) expect.fail(`${goldenName(path)}: offset ${offset} is not at ${expected}`)
    }
    index.close()
  }
})

test('the index of a killed broker ends before its padding', () => {
  const index = open(killedActive, 1011)
  expect(index.sizeInBytes).toBe(2048)
  expect(index.entries).toBeGreaterThan(10)
  expect(index.paddingBytes).toBe(2048 - index.entries * 8)
  const log = readFileSync(killedActive.replace(/index$/, 'log'))
  // The newest entry is less than index.interval.bytes and one batch behind the end of the log.
  const { position } = index.entry(index.entries - 1)
  expect(position).toBeLessThan(log.length)
  expect([...batchStarts(log).keys()].filter(start => start > position).length).toBeLessThan(5)
  index.close()
})

test('the index of a preallocated log ends before its padding', () => {
  const index = open(preallocatedActive)
  expect(index.sizeInBytes).toBe(16384)
  expect(index.entries).toBeGreaterThan(10)
  expect(index.paddingBytes).toBe(16384 - index.entries * 8)
  index.close()
})

test('a trimmed index has no padding', () => {
  const index = open(killedRolled, 201)
  expect(index.entries).toBe(49)
  expect(index.paddingBytes).toBe(0)
  expect(index.trailingBytes).toBe(0)
  index.close()
})

test('real entries padded to every size from none to 100 slots are found again', () => {
  const path = join(temporaryFolder(), 'padded.index')
  const bytes = readFileSync(killedRolled)
  for (let keep = 1; keep <= 49; keep += 6) {
    for (let slots = keep; slots <= 100; slots++) {
      const padded = Buffer.alloc(slots * 8)
      bytes.copy(padded, 0, 0, keep * 8)
      writeFileSync(path, padded)
      const index = open(path, 201)
      expect([slots, index.entries]).toEqual([slots, keep])
      index.close()
    }
  }
})

test('an entry that was cut in the middle does not count', () => {
  const path = join(temporaryFolder(), 'cut.index')
  copyFileSync(killedRolled, path)
  for (let size = 49 * 8 - 1; size >= 48 * 8; size--) {
    truncateSync(path, size)
    const index = open(path, 201)
    expect(index.entries).toBe(48)
    expect(index.trailingBytes).toBe(size - 48 * 8)
    if (size % 8 !== 0) expect(index.sanityCheck()).toBe(`the size is ${size} bytes, no multiple of 8`)
    index.close()
  }
})

test('an empty index has no entries', () => {
  const index = open(fileOf(), 1000)
  expect(index.entries).toBe(0)
  expect(index.lookup(1234)).toBe(-1)
  expect(index.sanityCheck()).toBeUndefined()
  expect([...index.scan()]).toEqual([])
  index.close()
})

test('an index of nothing but padding has no entries', () => {
  const index = open(fileOf([0, 0], [0, 0], [0, 0], [0, 0], [0, 0]), 1000)
  expect(index.entries).toBe(0)
  expect(index.paddingBytes).toBe(40)
  index.close()
})

test('zeros in slot 0 are an entry if the file has no other slot, or one with data in it', () => {
  const single = open(fileOf([0, 0]), 1000)
  expect([...single.scan()]).toEqual([{ offset: 1000, position: 0 }])
  single.close()
  const followed = open(fileOf([0, 0], [7, 5000], [0, 0]), 1000)
  expect(followed.entries).toBe(2)
  followed.close()
})

test('a missing index is undefined', () => {
  expect(OffsetIndex.open(join(temporaryFolder(), 'no.index'), 0)).toBeUndefined()
})

test('a folder in place of an index is a storage error with its path', () => {
  const folder = temporaryFolder()
  for (const path of [folder, join(folder, 'x'.repeat(300))]) {
    expect(() => OffsetIndex.open(path, 0)).toThrowError(expect.objectContaining({ code: 'LOGLADY_STORAGE', path }))
  }
})

test('hostile bytes give entries that a caller can refuse, and every lookup ends', () => {
  const path = fileOf([-5, -1], [2 ** 31 - 1, 2 ** 31 - 1], [-(2 ** 31), 3], [0, 0], [9, 9])
  const index = open(path, 1000)
  expect(index.entries).toBe(5)
  expect(index.entry(0)).toEqual({ offset: 995, position: -1 })
  for (const target of [-1, 0, 1000, 1009, 2 ** 31 + 1000, Number.MAX_SAFE_INTEGER]) {
    const n = index.lookup(target)
    expect(n).toBeGreaterThanOrEqual(-1)
    expect(n).toBeLessThan(5)
  }
  index.close()
})

test('the sanity check names a last entry below the base offset and a negative position', () => {
  const below = open(fileOf([5, 100], [-5, 200]), 1000)
  expect(below.sanityCheck()).toBe("the last entry's offset is 995, below the base offset 1000")
  below.close()
  const negative = open(fileOf([5, 100], [6, -200]), 1000)
  expect(negative.sanityCheck()).toBe("the last entry's position is -200")
  negative.close()
})

test('an entry beyond the end is a RangeError, for that is a fault of the caller', () => {
  const index = open(fileOf([5, 100]), 1000)
  for (const n of [-1, 1, 0.5, Number.NaN]) expect(() => index.entry(n)).toThrowError(RangeError)
  index.close()
})

test('entries that a writer cut under an open index read as byte 0, and are gone after refresh', () => {
  const path = join(temporaryFolder(), 'cut.index')
  copyFileSync(killedRolled, path)
  const index = open(path, 201)
  truncateSync(path, 8)
  expect(index.entry(40)).toEqual({ offset: 201, position: 0 })
  index.refresh()
  expect(index.entries).toBe(1)
  appendFileSync(path, readFileSync(killedRolled).subarray(8, 24))
  expect(index.entries).toBe(1)
  index.refresh()
  expect(index.entries).toBe(3)
  index.close()
})

test('a lookup in a padded index of 10 MiB reads 21 entries for the end and less than 700 bytes for the offset', () => {
  const path = join(temporaryFolder(), '00000000000000000000.index')
  const bytes = Buffer.alloc(10 * 1024 * 1024)
  const entries = 777_777
  for (let n = 0, at = 0; n < entries; n++) at = encodeOffsetEntry(bytes, at, (n + 1) * 10, (n + 1) * 500)
  writeFileSync(path, bytes)
  let index: OffsetIndex | undefined
  expect(countReads(() => (index = open(path))).bytes).toBeLessThanOrEqual((21 + 1) * 8)
  expect(index!.entries).toBe(entries)
  for (const target of [0, 9, 10, 11, 3_141_592, 7_777_769, 7_777_770, 9_000_000]) {
    let n: number | undefined
    const reads = countReads(() => {
      n = index!.lookup(target)
      if (n >= 0) index!.entry(n)
    })
    expect(n).toBe(Math.min(Math.floor(target / 10), entries) - 1)
    expect(reads.calls).toBeLessThan(20)
    expect(reads.bytes).toBeLessThan(700)
  }
  index!.close()
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
