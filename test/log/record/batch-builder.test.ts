import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvalidRecordError, RecordTooLargeError } from '../../../src/log/errors.ts'
import { BatchBuilder, encodeHeaders, stampBatch } from '../../../src/log/record/batch-builder.ts'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { codecs } from '../../../src/log/record/compression/index.ts'
import { parseHeaders } from '../../../src/log/record/headers.ts'
import { goldenBatches } from '../../helpers/golden.ts'
import { openCursor, readAll } from '../../helpers/raw-batch.ts'
import { seed } from '../../helpers/seed.ts'

const golden = goldenBatches()
const T = 1700000000000
const maxBytes = 1048588

function add(
  builder: BatchBuilder,
  timestamp: number,
  key: string | null,
  value: string | null,
  headers?: Buffer,
): boolean {
  const [keyBytes, valueBytes] = [key, value].map(text => (text === null ? null : Buffer.from(text)))
  const [keyEnd, valueEnd] = [keyBytes?.length ?? 0, valueBytes?.length ?? 0]
  return builder.append(timestamp, keyBytes!, 0, keyEnd, valueBytes!, 0, valueEnd, headers)
}

function addGoldenRecords(builder: BatchBuilder): void {
  add(builder, T, 'key-1', 'value-1')
  add(builder, T + 5, null, 'no key')
  add(builder, T - 3, 'key-1', null)
  const names: [string, string | null][] = [
    ['h1', 'v1'],
    ['hn', null],
    ['é', ''],
  ]
  const pairs = names.map(([name, text]): [Buffer, Buffer | null] => [
    Buffer.from(name),
    text === null ? null : Buffer.from(text),
  ])
  add(builder, T + 1000, '', '', encodeHeaders(pairs))
}

test('encodes the golden records to the bytes that Kafka wrote', () => {
  const builder = new BatchBuilder({ maxBytes })
  addGoldenRecords(builder)
  expect(builder).toMatchObject({ count: 4, sizeInBytes: 127, isEmpty: false, isFull: false, maxTimestamp: T + 1000 })
  expect(builder.build({ baseOffset: 42 }).toString('hex')).toBe(golden.get('none')!.toString('hex'))
  // A builder that was used before leaves nothing behind.
  builder.reset()
  expect(builder).toMatchObject({ count: 0, sizeInBytes: 61, isEmpty: true, maxTimestamp: -1 })
  addGoldenRecords(builder)
  expect(builder.build({ baseOffset: 42 })).toEqual(golden.get('none')!)
})

test.each(codecs)('a batch compressed with %s has the same records and a right CRC', codec => {
  const builder = new BatchBuilder({ maxBytes, codec })
  addGoldenRecords(builder)
  const batch = builder.build({ baseOffset: 42 })
  const header = new BatchHeader()
  expect(header.read(batch, 0, batch.length)).toBe('whole')
  expect(header.crcMatches()).toBe(true)
  expect(codecs[header.codecId]).toBe(codec)
  expect(readAll(openCursor(batch))).toEqual(readAll(openCursor(golden.get(codec)!)))
})

test('encodes the golden LogAppendTime batch, and the one without timestamps', () => {
  const appended = new BatchBuilder({ maxBytes, logAppendTime: true })
  add(appended, T, 'key-1', 'value-1')
  expect(appended.build({ leaderEpoch: 3, maxTimestamp: T + 77 })).toEqual(golden.get('LAT')!)
  const untimed = new BatchBuilder({ maxBytes })
  add(untimed, -1, null, 'x')
  expect(untimed.build({ leaderEpoch: -1 })).toEqual(golden.get('NOTS')!)
})

const producer = { producerId: 9001n, producerEpoch: 2, leaderEpoch: 1 }

test('encodes the golden transactional batch, its markers and the empty batch', () => {
  const builder = new BatchBuilder({ maxBytes })
  add(builder, T, 'key-1', 'value-1')
  add(builder, T + 5, null, 'no key')
  expect(builder.build({ ...producer, baseOffset: 100, baseSequence: 7, isTransactional: true })).toEqual(
    golden.get('TXN')!,
  )
  const marker = { ...producer, isTransactional: true, isControl: true }
  for (const [name, type, baseOffset] of [
    ['COMMIT', '\x01', 102],
    ['ABORT', '\x00', 103],
  ] as const) {
    builder.reset()
    add(builder, T + 10, `\0\0\0${type}`, '\0\0\0\0\0\x05')
    expect(builder.build({ ...marker, baseOffset })).toEqual(golden.get(name)!)
  }
  builder.reset()
  const kept = { lastOffsetDelta: 4, maxTimestamp: T }
  expect(builder.build({ ...producer, ...kept, baseOffset: 100, baseSequence: 7 })).toEqual(golden.get('EMPTY')!)
})

test('stamping offset and epoch leaves the CRC right', () => {
  const builder = new BatchBuilder({ maxBytes })
  addGoldenRecords(builder)
  const block = Buffer.concat([Buffer.from('xyz'), builder.build()])
  stampBatch(block, 3, 2 ** 40 + 5, 17)
  const header = new BatchHeader()
  expect(header.read(block, 3, block.length)).toBe('whole')
  expect(header).toMatchObject({ baseOffset: 2 ** 40 + 5, lastOffset: 2 ** 40 + 8, leaderEpoch: 17 })
  expect(header.crcMatches()).toBe(true)
  stampBatch(block, 3, 42, 0)
  expect(block.subarray(3)).toEqual(golden.get('none')!)
})

test('a negative start is a null key or value, as a cursor has it', () => {
  const builder = new BatchBuilder({ maxBytes })
  const bytes = Buffer.from('abc')
  builder.append(T, bytes, -1, -1, bytes, 1, 3)
  builder.append(T, bytes, 0, 1, bytes, -1, -1)
  expect(readAll(openCursor(builder.build()))).toEqual([
    [0, T, null, 'bc'],
    [1, T, 'a', null],
  ])
})

test('the headers of the builder are on every record that brings none', () => {
  const pair = (name: string) => encodeHeaders([[Buffer.from(name), Buffer.from('x'.repeat(40))]])
  const builder = new BatchBuilder({ maxBytes, headers: pair('a') })
  builder.appendDelimited(Buffer.from('1\n2\n'), 0, 4, 10, T)
  add(builder, T, null, '3')
  add(builder, T, null, '4', pair('b'))
  const own = Buffer.concat([Buffer.from('noise'), pair('c'), Buffer.from('noise')])
  builder.append(T, null, 0, 0, null, 0, 0, own, 5, own.length - 5)
  const cursor = openCursor(builder.build())
  const names: string[] = []
  while (cursor.next()) names.push(cursor.headers()[0]![0].toString())
  expect(names).toEqual(['a', 'a', 'a', 'b', 'c'])
})

test('encoded headers are parsed to the same pairs', () => {
  const pairs: [Buffer, Buffer | null][] = [
    [Buffer.from('k'), Buffer.from('v')],
    [Buffer.from('k'), null],
    [Buffer.alloc(0), Buffer.alloc(0)],
    [Buffer.from('long'), Buffer.alloc(5000, 7)],
  ]
  const bytes = encodeHeaders(pairs)
  expect(parseHeaders(bytes, 0, bytes.length)).toEqual(pairs)
  expect(encodeHeaders([])).toEqual(Buffer.from([0]))
})

test('a batch is full at the target, and a larger record goes alone up to the maximum', () => {
  const builder = new BatchBuilder({ maxBytes: 10_000, targetBytes: 300 })
  const value = 'v'.repeat(100)
  expect(add(builder, T, null, value)).toBe(true)
  expect(add(builder, T, null, value)).toBe(true)
  expect(builder.isFull).toBe(false)
  expect(add(builder, T, null, value)).toBe(false)
  expect(builder).toMatchObject({ count: 2, isFull: true })
  expect(builder.build()).toHaveLength(builder.sizeInBytes)
  builder.reset()
  expect(builder.isFull).toBe(false)
  expect(add(builder, T, null, 'v'.repeat(9000))).toBe(true)
  expect(add(builder, T, null, '')).toBe(false)
  expect(readAll(openCursor(builder.build()))).toEqual([[0, T, null, 'v'.repeat(9000)]])
})

test.each([
  [-1, Number.MAX_SAFE_INTEGER],
  [Number.MAX_SAFE_INTEGER, -1],
])('timestamps too far apart for one batch, %d and %d, get one each', (first, second) => {
  const builder = new BatchBuilder({ maxBytes })
  expect(add(builder, first, null, 'a')).toBe(true)
  expect(add(builder, second, null, 'b')).toBe(false)
  expect(builder.isFull).toBe(true)
  expect(readAll(openCursor(builder.build()))).toEqual([[0, first, null, 'a']])
  builder.reset()
  expect(add(builder, second, null, 'b')).toBe(true)
  expect(add(builder, 0, null, 'c')).toBe(true)
})

test('a record that makes a batch of exactly the maximum fits, one byte more does not', () => {
  // 61 header, 2 length, 1 attributes, 1 + 1 deltas, 1 key, 2 value length, 1 headers: 70 beside the value.
  const builder = new BatchBuilder({ maxBytes: 1070 })
  expect(add(builder, T, null, 'v'.repeat(1000))).toBe(true)
  expect(builder.build()).toHaveLength(1070)
  builder.reset()
  expect(() => add(builder, T, null, 'v'.repeat(1001))).toThrow(RecordTooLargeError)
  expect(() => add(builder, T, null, 'v'.repeat(1001))).toThrow('a batch of 1071 bytes, max.message.bytes is 1070')
  expect(builder.isEmpty).toBe(true)
  const input = Buffer.from(`ab\n${'v'.repeat(1001)}\ncd\n`)
  expect(builder.appendDelimited(input, 0, input.length, 10, T)).toBe(3)
  expect(builder.isFull).toBe(true)
  builder.reset()
  expect(() => builder.appendDelimited(input, 3, input.length, 10, T)).toThrow(expect.objectContaining({ position: 3 }))
  expect(builder.isEmpty).toBe(true)
})

test('bytes that do not compress below the maximum are stored as they are', () => {
  const noise = randomBytes(1000)
  const builder = new BatchBuilder({ maxBytes: 1070, codec: 'gzip' })
  builder.append(T, null, 0, 0, noise, 0, noise.length)
  const header = new BatchHeader()
  const batch = builder.build()
  expect(header.read(batch, 0, batch.length)).toBe('whole')
  expect(header).toMatchObject({ codecId: 0, sizeInBytes: 1070 })
  expect(header.crcMatches()).toBe(true)
})

test.each([-2, 0.5, Number.NaN, 2 ** 53])('refuses the timestamp %d', timestamp => {
  const builder = new BatchBuilder({ maxBytes })
  expect(() => add(builder, timestamp, null, 'x')).toThrow(InvalidRecordError)
  expect(() => builder.appendDelimited(Buffer.from('x\n'), 0, 2, 10, timestamp)).toThrow(InvalidRecordError)
  expect(builder.isEmpty).toBe(true)
})

test('appendDelimited takes whole pieces only, and none behind the end', () => {
  const builder = new BatchBuilder({ maxBytes })
  const input = Buffer.from('skip\none\n\ntwo\nhalf\nstale\n')
  expect(builder.appendDelimited(input, 5, 18, 10, T)).toBe(14)
  expect(builder.appendDelimited(input, 14, 18, 10, T)).toBe(14)
  expect(builder.appendDelimited(input, 14, 14, 10, T)).toBe(14)
  expect(builder.appendDelimited(input, 14, 19, 10, T + 700)).toBe(19)
  expect(builder.maxTimestamp).toBe(T + 700)
  expect(readAll(openCursor(builder.build()))).toEqual([
    [0, T, null, 'one'],
    [1, T, null, ''],
    [2, T, null, 'two'],
    [3, T + 700, null, 'half'],
  ])
})

test('appendDelimited skips empty pieces or makes tombstones of them', () => {
  const input = Buffer.from('\na\n\n\nb\n\n')
  const values = (skipEmpty: boolean, emptyAsNull: boolean) => {
    const builder = new BatchBuilder({ maxBytes })
    expect(builder.appendDelimited(input, 0, input.length, 10, T, skipEmpty, emptyAsNull)).toBe(input.length)
    return readAll(openCursor(builder.build())).map(([, , , value]) => value)
  }
  expect(values(false, false)).toEqual(['', 'a', '', '', 'b', ''])
  expect(values(true, false)).toEqual(['a', 'b'])
  expect(values(false, true)).toEqual([null, 'a', null, null, 'b', null])
})

/** Lengths on both sides of every border: of varints, of the short search and copy. */
const length = fc.oneof(fc.nat(20), fc.constantFrom(54, 55, 56, 57, 58, 62, 63, 64, 65, 127, 128, 129, 200, 4000, 8200))

test(`appendDelimited makes the bytes that append makes, whatever the pieces and the cuts (seed ${seed})`, () => {
  const pieces = fc.array(fc.tuple(length, fc.nat(255)), { maxLength: 80 })
  const run = fc.tuple(pieces, fc.nat(255), fc.integer({ min: 100, max: 6000 }), fc.nat(40), fc.nat(3))
  fc.assert(
    fc.property(run, ([sizes, delimiter, targetBytes, stale, timeStep]) => {
      const values = sizes.map(([size, byte]) => Buffer.alloc(size, byte === delimiter ? byte + 1 : byte))
      const piece = (value: Buffer) => Buffer.concat([value, Buffer.from([delimiter])])
      const input = Buffer.concat([...values.map(piece), Buffer.alloc(stale, delimiter)])
      const end = input.length - stale
      const [fast, plain] = [0, 1].map(() => new BatchBuilder({ maxBytes, targetBytes })) as [
        BatchBuilder,
        BatchBuilder,
      ]
      let at = 0
      for (let call = 0, next = 0; at < end; call++) {
        const timestamp = T + call * timeStep * 1000
        const taken = fast.appendDelimited(input, at, end, delimiter, timestamp)
        while (next < values.length && plain.append(timestamp, null, 0, 0, values[next]!, 0, values[next]!.length))
          next++
        expect(fast.build().equals(plain.build())).toBe(true)
        expect(fast.isFull).toBe(plain.isFull)
        expect(taken).toBe(values.slice(0, next).reduce((sum, value) => sum + value.length + 1, 0))
        at = taken
        fast.reset()
        plain.reset()
      }
    }),
    { seed, numRuns: 300 },
  )
})

test(`any records come back as they were (seed ${seed})`, () => {
  const part = fc.option(fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)))
  const timestamp = fc.oneof(
    fc.integer({ min: -1, max: 2 ** 31 }),
    fc.nat(2 ** 31 - 1).map(high => high * 2 ** 21),
    fc.constant(T),
  )
  const record = fc.tuple(timestamp, part, part)
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 100 }), fc.constantFrom(...codecs), (records, codec) => {
      const builder = new BatchBuilder({ maxBytes, codec })
      for (const [time, key, value] of records) {
        expect(builder.append(time, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0)).toBe(true)
      }
      const cursor = openCursor(builder.build())
      for (const [offset, [time, key, value]] of records.entries()) {
        expect(cursor.next()).toBe(true)
        expect([cursor.offset, cursor.timestamp]).toEqual([offset, time])
        expect([cursor.key(), cursor.value()]).toEqual([key, value])
      }
      expect(cursor.next()).toBe(false)
    }),
    { seed, numRuns: 200 },
  )
})
