import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CorruptRecordError, NumberTooLargeError } from '../../../src/log/errors.ts'
import { BatchBuilder, encodeHeaders } from '../../../src/log/record/batch-builder.ts'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { ValueCopier } from '../../../src/log/record/copy-values.ts'
import { RecordCursor } from '../../../src/log/record/record-cursor.ts'
import { allLogFiles, shortPath } from '../../helpers/golden.ts'
import { rawBatch, rawRecord, recordBody, sized } from '../../helpers/raw-batch.ts'
import { seed } from '../../helpers/seed.ts'

const newline = Buffer.from('\n')
const header = new BatchHeader()
const cursor = new RecordCursor()

function open(copier: ValueCopier, batch: Buffer): void {
  expect(header.read(batch, 0, batch.length)).toBe('whole')
  copier.open(header)
}

/** Everything that a batch gives, in blocks of `size` bytes that grow where a value needs it. */
function copyAll(copier: ValueCopier, size = 100_000): Buffer {
  const parts: Buffer[] = []
  let output = Buffer.alloc(size)
  for (;;) {
    const end = copier.copy(output, 0)
    parts.push(Buffer.from(output.subarray(0, end)))
    if (copier.isDone) return Buffer.concat(parts)
    expect(copier.requiredSize).toBeGreaterThan(0)
    if (end === 0) output = Buffer.alloc(copier.requiredSize)
  }
}

/** The same through the cursor, which knows every field. */
function cursorValues(delimiter = newline, from = 0, until = Number.POSITIVE_INFINITY): Buffer {
  const parts: Buffer[] = []
  cursor.open(header)
  while (cursor.next()) {
    if (cursor.offset >= from && cursor.offset < until) parts.push(cursor.value() ?? Buffer.alloc(0), delimiter)
  }
  return Buffer.concat(parts)
}

function batchOf(values: (string | null)[], baseOffset = 0): Buffer {
  const builder = new BatchBuilder({ maxBytes: 1 << 20, targetBytes: 1 << 20 })
  for (const text of values) {
    const value = text === null ? null : Buffer.from(text)
    builder.append(1000, null, 0, 0, value, 0, value?.length ?? 0)
  }
  return Buffer.from(builder.build({ baseOffset }))
}

test.each(allLogFiles())('copies the values of every batch of a golden log as the cursor reads them: %s', path => {
  const bytes = readFileSync(path)
  const copier = new ValueCopier({ delimiter: newline })
  for (let at = 0; header.read(bytes, at, bytes.length) === 'whole'; at += header.sizeInBytes) {
    if (header.magic < 2) continue
    cursor.open(header)
    if (header.codecId === 0) copier.open(header)
    else copier.open(header, cursor.bytes, 0, cursor.bytes.length)
    expect(copyAll(copier).equals(cursorValues()), shortPath(path)).toBe(true)
    expect(copier.nextOffset).toBeLessThanOrEqual(header.nextOffset)
  }
})

test('a null value is its delimiter alone, and the counters say what happened', () => {
  const copier = new ValueCopier({ delimiter: newline })
  open(copier, batchOf(['a', null, '', 'b'], 50))
  const output = Buffer.alloc(100)
  expect(copier.copy(output, 10)).toBe(16)
  expect(output.toString('latin1', 10, 16)).toBe('a\n\n\nb\n')
  expect(copier).toMatchObject({ copied: 4, nextOffset: 54, isDone: true, reachedUntil: false, requiredSize: 0 })
})

test.each(['', '\0', '--\n'])('puts the delimiter %j behind every value', text => {
  const copier = new ValueCopier({ delimiter: Buffer.from(text) })
  open(copier, batchOf(['one', null, 'three']))
  expect(copyAll(copier).toString()).toBe(`one${text}${text}three${text}`)
})

test('starts at from, stops before until, and at the limit of one call', () => {
  const copier = new ValueCopier({ delimiter: newline, from: 102, until: 107 })
  const batch = batchOf(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], 100)
  const output = Buffer.alloc(100)
  open(copier, batch)
  expect(copier.copy(output, 0, 2)).toBe(4)
  expect(copier).toMatchObject({ copied: 2, nextOffset: 104, isDone: false, requiredSize: 0 })
  expect(copier.copy(output, 4, 0)).toBe(4)
  expect(copier.copy(output, 4)).toBe(10)
  expect(output.toString('latin1', 0, 10)).toBe('2\n3\n4\n5\n6\n')
  expect(copier).toMatchObject({ copied: 5, nextOffset: 107, isDone: true, reachedUntil: true })
})

test('a value that does not fit waits for a block that has room', () => {
  const copier = new ValueCopier({ delimiter: Buffer.from('\r\n') })
  const value = 'x'.repeat(500)
  open(copier, batchOf(['ab', value, 'cd']))
  const output = Buffer.alloc(505)
  expect(copier.copy(output, 0)).toBe(4)
  expect(copier).toMatchObject({ requiredSize: 502, isDone: false, copied: 1, outputEnd: 4 })
  expect(copier.copy(output, 0)).toBe(502)
  expect(copier.requiredSize).toBe(4)
  expect(copier.copy(output, 0)).toBe(4)
  expect(copier).toMatchObject({ requiredSize: 0, isDone: true, copied: 3 })
})

test(`any values fill blocks of any size without a byte lost or written outside (seed ${seed})`, () => {
  const size = fc.oneof(fc.nat(20), fc.constantFrom(63, 64, 127, 128, 129, 300))
  const record = fc.tuple(fc.option(size), fc.boolean(), fc.boolean())
  const runs = fc.tuple(fc.array(record, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 700 }), fc.nat(50))
  const headers = encodeHeaders([[Buffer.from('h'), null]])
  fc.assert(
    fc.property(runs, ([records, blockSize, from]) => {
      const builder = new BatchBuilder({ maxBytes: 1 << 20 })
      for (const [index, [length, hasKey, hasHeaders]] of records.entries()) {
        const value = length === null ? null : Buffer.alloc(length, index)
        const key = hasKey ? Buffer.from(`key-${index}`) : null
        const own = hasHeaders ? headers : undefined
        builder.append(1000 + 300 * index, key, 0, key?.length ?? 0, value, 0, length ?? 0, own)
      }
      const copier = new ValueCopier({ delimiter: newline, from })
      open(copier, builder.build())
      expect(copyAll(copier, blockSize).equals(cursorValues(newline, from))).toBe(true)
    }),
    { seed, numRuns: 300 },
  )
})

test.each([3, 100, 5000, 20_000])('values of %i bytes with lengths and offsets of up to three bytes', size => {
  const count = size < 1000 ? 20_000 : 30
  const values = Array.from({ length: count }, (_, i) => (i % 7 === 3 ? null : String(i).padStart(size, '.')))
  const builder = new BatchBuilder({ maxBytes: 1 << 23, targetBytes: 1 << 23 })
  for (const text of values)
    builder.append(1000, null, 0, 0, text === null ? null : Buffer.from(text), 0, text?.length ?? 0)
  for (const [from, until] of [
    [0, Number.POSITIVE_INFINITY],
    [17, count - 5],
  ] as const) {
    const copier = new ValueCopier({ delimiter: newline, from, until })
    open(copier, builder.build())
    expect(copyAll(copier, 32_768).equals(cursorValues(newline, from, until))).toBe(true)
    expect(copier.copied).toBe(Math.min(until, count) - from)
  }
})

test('timestamps have at most ten bytes, as the cursor has it', () => {
  const timestamp = (size: number) => Buffer.from([...Buffer.alloc(size - 1, 0x80), 0x00])
  const record = (size: number) => {
    const body = Buffer.concat([Buffer.from([0]), timestamp(size), Buffer.from('0001027600', 'hex')])
    return sized(body)
  }
  for (const size of [1, 9, 10, 11, 12]) {
    const batch = rawBatch(record(size))
    expect(header.read(batch, 0, batch.length)).toBe('whole')
    const copier = new ValueCopier({ delimiter: newline })
    copier.open(header)
    expect(
      outcome(() => copyAll(copier)),
      `${size} bytes`,
    ).toBe(outcome(() => cursorValues()))
  }
})

/** Records whose own bytes are wrong, in a batch whose header and CRC are right. */
const wrong: [string, Buffer, string][] = [
  ['a length behind the end', sized('xxxxxxxxx').subarray(0, 5), 'wrong length'],
  ['a negative length', Buffer.from('01', 'hex'), 'wrong length'],
  ['an endless length', Buffer.alloc(20, 0xff), 'wrong length'],
  ['an empty record', sized(''), 'timestamp or offset is cut off'],
  ['an endless timestamp', sized(Buffer.from('00ffffffffffffffffffffff', 'hex')), 'timestamp or offset is cut off'],
  ['an offset below the base', rawRecord({ offsetDelta: -1 }), 'wrong offset, expected 100 to 100, found 99'],
  ['an offset above the last', rawRecord({ offsetDelta: 1 }), 'wrong offset, expected 100 to 100, found 101'],
  ['a key behind the end', sized(Buffer.from('00000008ffff', 'hex')), 'key does not fit'],
  ['no value', sized(Buffer.from('00000001', 'hex')), 'value does not fit'],
  ['a value behind the end', sized(Buffer.from('0000000104ff', 'hex')), 'value does not fit'],
  ['no headers', sized(recordBody({ value: 'v' }).subarray(0, -1)), 'headers do not fit'],
  ['a negative count of headers', sized(Buffer.from('000000010101', 'hex')), 'headers do not fit'],
  ['more headers than bytes', sized(Buffer.from('0000000101feffffff0f00', 'hex')), 'headers do not fit'],
  ['bytes behind no headers', sized(Buffer.from('00000001010000', 'hex')), 'headers do not fit'],
]

test.each(wrong)('refuses a record with %s, by its position', (_what, record, message) => {
  const copier = new ValueCopier({ delimiter: newline })
  open(copier, rawBatch(record))
  const output = Buffer.alloc(100)
  let error: unknown
  try {
    copier.copy(output, 7)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(CorruptRecordError)
  expect(error).toMatchObject({ firstOffset: 100, lastOffset: 100, message: expect.stringContaining(message) })
  expect((error as CorruptRecordError).position).toBeLessThanOrEqual(record.length)
  expect(copier.outputEnd).toBe(7)
})

test('refuses bytes behind the last record, after copying it', () => {
  const copier = new ValueCopier({ delimiter: newline })
  open(copier, rawBatch(Buffer.concat([rawRecord({ value: 'v' }), Buffer.from('x')])))
  expect(() => copier.copy(Buffer.alloc(100), 0)).toThrow('record 1 of 1: bytes are left behind the last record')
  expect(copier.outputEnd).toBe(2)
  const empty = rawBatch(Buffer.from('x'), { count: 0, lastOffsetDelta: 0 })
  expect(() => open(copier, empty)).toThrow(CorruptRecordError)
})

test('keeps what came before a record that is wrong', () => {
  const records = [rawRecord({ value: 'ok' }), rawRecord({ offsetDelta: 0, value: 'again' })]
  const copier = new ValueCopier({ delimiter: newline })
  open(copier, rawBatch(Buffer.concat(records), { count: 2 }))
  const output = Buffer.alloc(100)
  expect(() => copier.copy(output, 0)).toThrow('record 2 of 2: wrong offset, expected 101 to 101, found 100')
  expect(output.toString('latin1', 0, copier.outputEnd)).toBe('ok\n')
  expect(copier.nextOffset).toBe(101)
})

function outcome(work: () => Buffer): string {
  try {
    return work().toString('hex')
  } catch (error) {
    if (error instanceof CorruptRecordError) return 'corrupt'
    // Only the cursor looks at timestamps.
    if (error instanceof NumberTooLargeError) return 'timestamp'
    throw error
  }
}

test(`takes and refuses the same mutated records as the cursor (seed ${seed})`, () => {
  const builder = new BatchBuilder({ maxBytes: 1 << 20 })
  const pairs: [Buffer, Buffer | null][] = [[Buffer.from('h'), Buffer.from('1')]]
  builder.append(1000, Buffer.from('k'), 0, 1, Buffer.from('value'), 0, 5, encodeHeaders(pairs))
  builder.appendDelimited(Buffer.from(`a\n\n${'b'.repeat(70)}\n`), 0, 74, 10, 2000)
  const original = Buffer.from(builder.build())
  const mutation = fc.tuple(fc.integer({ min: 61, max: original.length - 1 }), fc.nat(255))
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), mutations => {
      const batch = Buffer.from(original)
      for (const [at, byte] of mutations) batch[at] = byte
      const copier = new ValueCopier({ delimiter: newline })
      expect(header.read(batch, 0, batch.length)).toBe('whole')
      const expected = outcome(() => cursorValues())
      copier.open(header)
      const found = outcome(() => copyAll(copier))
      if (expected !== 'timestamp') expect(found).toBe(expected)
    }),
    { seed, numRuns: 5000 },
  )
})
