import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CorruptRecordError, NumberTooLargeError, TooLargeWhenDecompressedError } from '../../../src/log/errors.ts'
import { BatchHeader, LAST_OFFSET_DELTA, MAGIC } from '../../../src/log/record/batch-header.ts'
import { codecs, compress, decompress } from '../../../src/log/record/compression/index.ts'
import { toRecord } from '../../../src/log/record/record.ts'
import { RecordCursor } from '../../../src/log/record/record-cursor.ts'
import { allLogFiles, goldenBatches } from '../../helpers/golden.ts'
import { withCrc } from '../../helpers/raw-batch.ts'
import { seed } from '../../helpers/seed.ts'

const LIMIT = 100_000
const header = new BatchHeader()

/** Small batches that Kafka wrote, of each kind (magic, codec, attributes, records) not more than a few. */
function realBatches(): Buffer[] {
  const kinds = new Map<string, Buffer[]>()
  for (const path of allLogFiles()) {
    const bytes = readFileSync(path)
    for (let at = 0; header.read(bytes, at, bytes.length) === 'whole'; at += header.sizeInBytes) {
      if (header.sizeInBytes > 2000) continue
      const kind = `${header.magic} ${header.attributes} ${Math.min(header.recordsCount, 3)}`
      const found = kinds.get(kind) ?? []
      if (found.length < 5) found.push(Buffer.from(bytes.subarray(at, at + header.sizeInBytes)))
      kinds.set(kind, found)
      if (at + header.sizeInBytes >= bytes.length) break
    }
  }
  return [...kinds.values()].flat()
}

const batches = [...realBatches(), ...[...goldenBatches().values()].map(bytes => firstEntry(bytes))]

/** MAGIC0 none and MAGIC1 none are two entries. */
function firstEntry(bytes: Buffer): Buffer {
  header.read(bytes, 0, bytes.length)
  return bytes.subarray(0, header.sizeInBytes)
}

const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  remove: fc.integer({ min: 0, max: 6 }),
  // Bytes that lengths and varints are sensitive to are likelier than others.
  insert: fc.array(fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })), {
    maxLength: 6,
  }),
})
const changes = fc.array(change, { minLength: 1, maxLength: 4 })
type Change = { at: number; remove: number; insert: number[] }

/** The bytes with the changes made behind `start`. */
function mutate(bytes: Buffer, start: number, list: Change[]): Buffer {
  let result = bytes
  for (const { at, remove, insert } of list) {
    const place = start + Math.floor(at * (result.length - start))
    result = Buffer.concat([result.subarray(0, place), Buffer.from(insert), result.subarray(place + remove)])
  }
  return result
}

const cursor = new RecordCursor()

/** Reads all there is; only errors that say what is wrong with the bytes may come out. */
function readEverything(bytes: Buffer): void {
  if (header.read(bytes, 0, bytes.length) !== 'whole') return
  let records = 0
  let last = -1
  try {
    cursor.open(header, LIMIT)
    while (cursor.next()) {
      expect(cursor.offset).toBeGreaterThan(last)
      expect(cursor.offset).toBeLessThanOrEqual(Math.max(header.lastOffset, header.magic === 1 ? LIMIT : 0))
      last = cursor.offset
      records++
      toRecord(cursor)
    }
    if (header.magic === 2) expect(records).toBe(header.recordsCount)
  } catch (error) {
    const isOurs = [CorruptRecordError, TooLargeWhenDecompressedError, NumberTooLargeError].some(
      kind => error instanceof kind,
    )
    if (!isOurs) throw error
  }
  // Every record takes seven bytes or more, so a length or count that lies cannot make more of them.
  expect(records * 7).toBeLessThanOrEqual(Math.max(LIMIT, bytes.length))
  if (header.codecId !== 0) expect(cursor.bytes.length).toBeLessThanOrEqual(Math.max(LIMIT, bytes.length))
}

const batch = fc.constantFrom(...batches)
const options = { seed, numRuns: 4000, endOnFailure: false }

test('has real batches of each magic and codec to change', () => {
  const found = batches.map(bytes => {
    header.read(bytes, 0, bytes.length)
    readEverything(bytes)
    return `${header.magic} ${codecs[header.codecId]}`
  })
  const expected = ['0', '1', '2'].flatMap(magic => ['none', 'gzip', 'snappy', 'lz4'].map(codec => `${magic} ${codec}`))
  expect(found).toEqual(expect.arrayContaining([...expected, '2 zstd']))
})

test(`reads or refuses changed batches whose length and CRC fit again (seed ${seed})`, () => {
  fc.assert(
    fc.property(batch, changes, (original, list) => {
      const bytes = mutate(Buffer.from(original), MAGIC, list)
      if (bytes.length < 61) return
      bytes.writeInt32BE(bytes.length - 12, 8)
      readEverything(withCrc(bytes))
    }),
    options,
  )
})

test(`reads or refuses changed batches as they are (seed ${seed})`, () => {
  fc.assert(
    fc.property(batch, changes, (original, list) => readEverything(mutate(Buffer.from(original), 0, list))),
    options,
  )
})

test(`reads or refuses batches whose records were changed before they were compressed (seed ${seed})`, () => {
  const compressed = batches.filter(bytes => bytes[MAGIC] === 2 && bytes.length > 61)
  fc.assert(
    fc.property(fc.constantFrom(...compressed), changes, (original, list) => {
      header.read(original, 0, original.length)
      const codec = codecs[header.codecId]!
      const records = mutate(decompress(codec, original.subarray(61)), 0, list)
      const bytes = Buffer.concat([original.subarray(0, 61), compress(codec, records)])
      bytes.writeInt32BE(bytes.length - 12, 8)
      readEverything(withCrc(bytes))
    }),
    options,
  )
})

test(`reads or refuses random bytes behind a header that fits (seed ${seed})`, () => {
  const random = fc.record({
    payload: fc.uint8Array({ maxLength: 200 }),
    codec: fc.integer({ min: 0, max: 4 }),
    count: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  })
  fc.assert(
    fc.property(random, ({ payload, codec, count }) => {
      const bytes = Buffer.concat([Buffer.alloc(61), payload])
      bytes.writeInt32BE(bytes.length - 12, 8)
      bytes[MAGIC] = 2
      bytes[22] = codec
      bytes.writeInt32BE(2 ** 31 - 1, LAST_OFFSET_DELTA)
      bytes.writeInt32BE(count, 57)
      readEverything(withCrc(bytes))
    }),
    options,
  )
})

test.each(codecs)(`decompresses or refuses changed %s payloads (seed ${seed})`, codec => {
  const payload = compress(codec, Buffer.from('some text that repeats some text '.repeat(5)))
  fc.assert(
    fc.property(changes, list => {
      const changed = mutate(payload, 0, list)
      try {
        expect(decompress(codec, changed, { limit: LIMIT }).length).toBeLessThanOrEqual(Math.max(LIMIT, changed.length))
      } catch (error) {
        expect(error).toSatisfy(
          found => found instanceof CorruptRecordError || found instanceof TooLargeWhenDecompressedError,
        )
      }
    }),
    options,
  )
})

test('has not taken memory that a changed length asked for', () => {
  // A single 2^31 that was believed would show; everything above ran in this process.
  expect(process.resourceUsage().maxRSS * 1024).toBeLessThan(2 ** 30)
})
