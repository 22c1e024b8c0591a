import { expect, test } from 'vitest'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { type Codec, codecs } from '../../../src/log/record/compression/index.ts'
import { RecordCursor } from '../../../src/log/record/record-cursor.ts'
import {
  openCursor,
  rawBatch,
  rawMessage,
  rawRecord,
  readAll,
  recordBody,
  sized,
  varint,
  varlong,
} from '../../helpers/raw-batch.ts'

const framed = codecs.filter(codec => codec !== 'none')
const first = rawRecord({
  key: 'k',
  value: 'v',
  headers: [
    ['h', 'x'],
    ['n', null],
  ],
})
const second = rawRecord({ offsetDelta: 1, timestampDelta: -7, value: 'w' })
const two = Buffer.concat([first, second])

test.each(codecs)('reads the records of a batch with codec %s, absolute offsets and timestamps', codec => {
  expect(readAll(openCursor(rawBatch(two, { count: 2, codec })))).toEqual([
    [100, 1000, 'k', 'v'],
    [101, 993, null, 'w'],
  ])
})

test('reads a batch in the middle of other bytes and gives views into them', () => {
  const bytes = Buffer.concat([Buffer.alloc(7, 1), rawBatch(two, { count: 2 }), Buffer.alloc(9, 2)])
  const header = new BatchHeader()
  expect(header.read(bytes, 7, bytes.length)).toBe('whole')
  const cursor = new RecordCursor()
  cursor.open(header)
  expect(cursor.next()).toBe(true)
  expect(cursor.bytes).toBe(bytes)
  expect(cursor.value()!.buffer).toBe(bytes.buffer)
  expect(bytes.toString('latin1', cursor.valueStart, cursor.valueEnd)).toBe('v')
  expect(cursor.headers().map(([key, value]) => [key.toString(), value?.toString()])).toEqual([
    ['h', 'x'],
    ['n', undefined],
  ])
  expect(bytes.subarray(cursor.headersStart, cursor.recordEnd).toString('hex')).toBe('0402680278026e01')
})

test('keeps null and empty apart', () => {
  const records = [
    rawRecord({ key: null, value: null }),
    rawRecord({ offsetDelta: 1, key: '', value: '', headers: [['', '']] }),
  ]
  const cursor = openCursor(rawBatch(Buffer.concat(records), { count: 2 }))
  cursor.next()
  expect([cursor.key(), cursor.value(), cursor.headers()]).toEqual([null, null, []])
  expect([cursor.keyStart, cursor.keyEnd, cursor.valueStart, cursor.valueEnd]).toEqual([-1, -1, -1, -1])
  cursor.next()
  expect([cursor.key()!.length, cursor.value()!.length]).toEqual([0, 0])
  expect(cursor.headers()).toEqual([[Buffer.alloc(0), Buffer.alloc(0)]])
})

test('takes any negative length for null, as Kafka does', () => {
  const body = Buffer.concat([Buffer.from([0]), varlong(0), varint(0), varint(-2), varint(-5), varint(1)])
  const cursor = openCursor(rawBatch(sized(Buffer.concat([body, varint(0), varint(-3)]))))
  expect(cursor.next()).toBe(true)
  expect([cursor.key(), cursor.value(), cursor.headers()]).toEqual([null, null, [[Buffer.alloc(0), null]]])
})

test('gives LogAppendTime batches their maxTimestamp whatever the deltas say', () => {
  const huge = sized(
    Buffer.concat([Buffer.from('00ffffffffffffffffff01', 'hex'), recordBody({ offsetDelta: 1 }).subarray(2)]),
  )
  const batch = rawBatch(Buffer.concat([first, huge]), {
    count: 2,
    attributes: 8,
    maxTimestamp: 777,
  })
  const cursor = openCursor(batch)
  expect(readAll(cursor).map(([offset, timestamp]) => [offset, timestamp])).toEqual([
    [100, 777],
    [101, 777],
  ])
  expect(cursor.timestampType).toBe('LogAppendTime')
})

test('keeps timestamps right in a batch whose base is a delete horizon', () => {
  const record = rawRecord({ timestampDelta: -5000, value: null, key: 'gone' })
  const cursor = openCursor(rawBatch(record, { attributes: 0x40, baseTimestamp: 6000 }))
  expect(readAll(cursor)).toEqual([[100, 1000, 'gone', null]])
})

test('reads the gaps that compaction leaves', () => {
  const records = [2, 3, 9].map(offsetDelta => rawRecord({ offsetDelta, value: `${offsetDelta}` }))
  const cursor = openCursor(rawBatch(Buffer.concat(records), { count: 3, lastOffsetDelta: 11 }))
  expect(readAll(cursor).map(([offset]) => offset)).toEqual([102, 103, 109])
})

test('finds no record in an empty batch, also with a codec and no byte behind the header', () => {
  for (const attributes of [0, 1, 2, 3, 4]) {
    expect(openCursor(rawBatch(Buffer.alloc(0), { count: 0, lastOffsetDelta: 4, attributes })).next()).toBe(false)
  }
})

test('can be opened again at any moment and forgets the batch when closed', () => {
  const cursor = new RecordCursor()
  expect(cursor.next()).toBe(false)
  const header = new BatchHeader()
  for (const bytes of [
    rawBatch(two, { count: 2 }),
    rawMessage({ offset: 5, value: 'old' }),
    rawBatch(two, { count: 2 }),
  ]) {
    header.read(bytes, 0, bytes.length)
    cursor.open(header)
    expect(cursor.next()).toBe(true)
    expect(cursor.next()).toBe(bytes[16] === 2)
    expect(cursor.next()).toBe(false)
    cursor.open(header)
    expect(cursor.next()).toBe(true)
  }
  cursor.close()
  expect(cursor.next()).toBe(false)
  expect(cursor.bytes.length).toBe(0)
})

test('reads numbers that are encoded longer than necessary', () => {
  const body = Buffer.from('00 808000 8080808000 818000 818000 8000'.replaceAll(' ', ''), 'hex')
  expect(readAll(openCursor(rawBatch(sized(body))))).toEqual([[100, 1000, null, null]])
})

const start = Buffer.concat([Buffer.from([0]), varlong(0), varint(0)])
const body = (...parts: Buffer[]) => sized(Buffer.concat([start, ...parts]))
const [none, zero] = [varint(-1), varint(0)]

/** Name, records, how many there should be, the message and where it is. */
const damaged: [string, Buffer, number, string, number][] = [
  ['a length that is cut off', Buffer.from([0x80]), 1, 'length is cut off', 0],
  ['a length beyond the batch', Buffer.concat([varint(1000), recordBody({})]), 1, 'length of 1000 bytes', 0],
  ['the largest length', Buffer.concat([varint(2 ** 31 - 1), recordBody({})]), 1, 'length of 2147483647 bytes', 0],
  ['a negative length', varint(-1), 1, 'length of -1 bytes', 0],
  ['a length of six bytes', Buffer.from('808080808000', 'hex'), 1, 'length is cut off', 0],
  ['an empty record', varint(0), 1, 'timestamp is cut off', 2],
  ['a timestamp without an end', sized(Buffer.alloc(12, 0x80)), 1, 'timestamp is cut off', 2],
  ['no offset', sized(Buffer.from([0, 0])), 1, 'offset is cut off', 3],
  ['an offset without an end', sized(Buffer.alloc(9, 0x80).fill(0, 0, 2)), 1, 'offset is cut off', 3],
  ['no key', sized(start), 1, 'length of the key is cut off', 4],
  ['a key beyond the record', body(varint(9), none, zero), 1, 'key of 9 bytes where 2 are left', 4],
  ['the largest key', body(varint(2 ** 31 - 1), none, zero), 1, 'key of 2147483647 bytes', 4],
  ['no value', body(varint(1), Buffer.from('k')), 1, 'key of 1 bytes', 4],
  ['a value beyond the record', body(none, varint(9), zero), 1, 'value of 9 bytes where 1 are left', 5],
  ['no count of headers', body(none, none), 1, 'count of headers is cut off', 6],
  ['a negative count of headers', body(none, none, none), 1, '-1 headers', 6],
  ['more headers than bytes', body(none, none, varint(2), Buffer.alloc(3)), 1, '2 headers in 3 bytes', 6],
  ['the most headers', body(none, none, varint(2 ** 31 - 1)), 1, '2147483647 headers in 0 bytes', 6],
  ['bytes behind a record without headers', body(none, none, zero, zero), 1, '0 headers in 1 bytes', 6],
  ['a record less than it should have', first, 2, 'record 2 of 2: length is cut off', first.length],
  ['a record more than it should have', two, 1, `${second.length} bytes are left behind the last of 1`, first.length],
  ['records in an empty batch', first, 0, `${first.length} bytes are left`, 0],
  ['the same offset twice', Buffer.concat([first, first]), 2, 'expected 101 to 105, found 100', first.length + 3],
  ['an offset below the batch', rawRecord({ offsetDelta: -1 }), 1, 'expected 100 to 105, found 99', 3],
  ['an offset above the batch', rawRecord({ offsetDelta: 6 }), 1, 'expected 100 to 105, found 106', 3],
]

const inCodecs: [Codec, ...(typeof damaged)[number]][] = damaged.flatMap(row => [
  ['none', ...row],
  ['lz4', ...row],
])

test.each(inCodecs)('stops at damage, codec %s: %s', (codec, _, records, count, message, position) => {
  const cursor = openCursor(rawBatch(records, { count, lastOffsetDelta: 5, codec }))
  const readAllOfIt = () => {
    while (cursor.next());
  }
  expect(readAllOfIt).toThrow(message)
  const details = { name: 'CorruptRecordError', position, firstOffset: 100, lastOffset: 105 }
  // Again: whoever goes on after the error must not get past it.
  expect(readAllOfIt).toThrow(expect.objectContaining(details))
  expect(readAllOfIt).toThrow("in the batch's uncompressed records")
})

test.each([
  ['a key of negative length', [none, none], 'key of header 1 does not fit', 1],
  ['a key beyond the record', [varint(9), none], 'key of header 1 does not fit', 1],
  ['a value beyond the record', [zero, varint(9)], 'value of header 1 does not fit', 2],
  ['no value', [varint(1), Buffer.from('k')], 'key of header 1 does not fit', 1],
  ['bytes behind it', [zero, none, zero], '1 bytes are left behind the headers', 3],
])('finds damage in a header when it is asked for: %s', (_, parts, message, position) => {
  const cursor = openCursor(rawBatch(body(none, none, varint(1), ...parts)))
  expect(cursor.next()).toBe(true)
  expect(() => cursor.headers()).toThrow(`record 1 of 1: ${message}`)
  expect(() => cursor.headers()).toThrow(expect.objectContaining({ position: position + 6, firstOffset: 100 }))
})

test('names timestamps beyond 2^53', () => {
  const big = Number.MAX_SAFE_INTEGER
  const cursor = openCursor(rawBatch(rawRecord({ timestampDelta: 2 }), { baseTimestamp: big }))
  expect(() => cursor.next()).toThrow(expect.objectContaining({ name: 'NumberTooLargeError' }))
  const delta = sized(Buffer.concat([Buffer.from('00feffffffffffffffff01', 'hex'), recordBody({}).subarray(2)]))
  const other = openCursor(rawBatch(delta))
  expect(() => other.next()).toThrow(expect.objectContaining({ name: 'NumberTooLargeError' }))
})

test.each(framed)('names the offsets of a batch whose %s payload is damaged or too large', codec => {
  const batch = rawBatch(two, { count: 2, codec })
  expect(() => openCursor(batch, 5)).toThrow(
    expect.objectContaining({ name: 'TooLargeWhenDecompressedError', firstOffset: 100, lastOffset: 101 }),
  )
  batch.fill(0xff, 65)
  expect(() => openCursor(batch)).toThrow(
    expect.objectContaining({ name: 'CorruptRecordError', firstOffset: 100, lastOffset: 101 }),
  )
})

test('has no record left after it could not be opened', () => {
  const header = new BatchHeader()
  const cursor = openCursor(rawBatch(two, { count: 2 }))
  const batch = rawBatch(two, { count: 2, codec: 'zstd' })
  header.read(batch, 0, batch.length)
  expect(() => cursor.open(header, 5)).toThrow('larger than 5 bytes')
  expect(cursor.next()).toBe(false)
})
