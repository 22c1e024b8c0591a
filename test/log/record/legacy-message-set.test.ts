import { expect, test } from 'vitest'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { type Codec, compress } from '../../../src/log/record/compression/index.ts'
import { RecordCursor } from '../../../src/log/record/record-cursor.ts'
import { openCursor, rawMessage, rawWrapper, readAll, withCrc } from '../../helpers/raw-batch.ts'

const wrappers: Codec[] = ['gzip', 'snappy', 'lz4']

/** Inner messages of magic 1 count from 0, those of magic 0 have absolute offsets. */
const relative = (...offsets: number[]) => offsets.map(offset => rawMessage({ offset, value: `v${offset}` }))
const absolute = (...offsets: number[]) => offsets.map(offset => rawMessage({ magic: 0, offset, value: `v${offset}` }))
const offsetsOf = (bytes: Buffer) => readAll(openCursor(bytes)).map(([offset]) => offset)

test.each([0, 1] as const)('reads a message of magic %i, null and empty parts too', magic => {
  const timestamp = magic === 0 ? -1 : 1000
  expect(readAll(openCursor(rawMessage({ magic, offset: 7, key: 'k', value: 'v' })))).toEqual([
    [7, timestamp, 'k', 'v'],
  ])
  expect(readAll(openCursor(rawMessage({ magic, offset: 7 })))).toEqual([[7, timestamp, null, null]])
  expect(readAll(openCursor(rawMessage({ magic, offset: 7, key: '', value: '' })))).toEqual([[7, timestamp, '', '']])
})

test('has no headers and knows the timestamp type of each magic', () => {
  const types = [rawMessage({ magic: 0 }), rawMessage({}), rawMessage({ attributes: 8 })].map(bytes => {
    const cursor = openCursor(bytes)
    expect(cursor.next()).toBe(true)
    expect([cursor.headers(), cursor.headersCount, cursor.isControl]).toEqual([[], 0, false])
    expect(cursor.headersStart).toBe(cursor.recordEnd)
    return cursor.timestampType
  })
  expect(types).toEqual(['NoTimestampType', 'CreateTime', 'LogAppendTime'])
})

test.each(wrappers)('takes the absolute offsets of a %s wrapper of magic 0 as they are', codec => {
  expect(offsetsOf(rawWrapper(codec, absolute(15, 17, 18), { magic: 0, offset: 18 }))).toEqual([15, 17, 18])
})

test.each(wrappers)('counts the offsets of a %s wrapper of magic 1 back from its own', codec => {
  expect(offsetsOf(rawWrapper(codec, relative(0, 1, 2), { offset: 17 }))).toEqual([15, 16, 17])
  // Compaction took the second one out.
  expect(offsetsOf(rawWrapper(codec, relative(0, 2), { offset: 17 }))).toEqual([15, 17])
})

test('counts from 0 in a wrapper of offset 0, as old librdkafka made them', () => {
  expect(offsetsOf(rawWrapper('gzip', relative(0, 1, 2), { offset: 0 }))).toEqual([0, 1, 2])
})

test('gives the messages of a LogAppendTime wrapper its timestamp, and those of another their own', () => {
  const inner = [rawMessage({ timestamp: 5 }), rawMessage({ offset: 1, timestamp: 6, attributes: 8 })]
  const appended = openCursor(rawWrapper('lz4', inner, { offset: 1, timestamp: 999, attributes: 8 }))
  expect(readAll(appended).map(([, timestamp]) => timestamp)).toEqual([999, 999])
  expect(appended.timestampType).toBe('LogAppendTime')
  const created = openCursor(rawWrapper('lz4', inner, { offset: 1, timestamp: 999 }))
  expect(readAll(created).map(([, timestamp]) => timestamp)).toEqual([5, 6])
  expect(created.timestampType).toBe('CreateTime')
})

test('reads a wrapper that has a key, and inner messages of the other magic', () => {
  expect(offsetsOf(rawWrapper('gzip', relative(0), { offset: 3, key: 'of the wrapper' }))).toEqual([3])
  expect(offsetsOf(rawWrapper('gzip', absolute(0), { offset: 3 }))).toEqual([3])
})

test('reads an lz4 wrapper of magic 0 whose header checksum is wrong as in KAFKA-3160, one of magic 1 not', () => {
  const value = compress('lz4', Buffer.concat(absolute(3)))
  value[6] = 0x1a
  expect(offsetsOf(rawMessage({ magic: 0, offset: 3, attributes: 3, value }))).toEqual([3])
  expect(() => offsetsOf(rawMessage({ magic: 1, offset: 3, attributes: 3, value }))).toThrow('header checksum')
})

test('goes through a file that mixes magics with one cursor', () => {
  const file = Buffer.concat([
    rawMessage({ magic: 0, offset: 0 }),
    rawWrapper('snappy', absolute(1, 2), { magic: 0, offset: 2 }),
    rawMessage({ magic: 1, offset: 3 }),
    rawWrapper('gzip', relative(0, 1), { offset: 5 }),
  ])
  const header = new BatchHeader()
  const cursor = new RecordCursor()
  const offsets: number[] = []
  for (let at = 0; at < file.length; at += header.sizeInBytes) {
    expect(header.read(file, at, file.length)).toBe('whole')
    cursor.open(header)
    while (cursor.next()) offsets.push(cursor.offset)
  }
  expect(offsets).toEqual([0, 1, 2, 3, 4, 5])
})

function changed(bytes: Buffer, change: (bytes: Buffer) => void): Buffer {
  change(bytes)
  return withCrc(bytes)
}

const wrapped = (...messages: Buffer[]) => rawWrapper('gzip', messages, { offset: 17 })
const [zero, one] = relative(0, 1) as [Buffer, Buffer]

test.each([
  ['a key beyond the message', changed(rawMessage({}), bytes => bytes.writeInt32BE(9, 26)), 'key of 9 bytes', 26],
  ['the largest key', changed(rawMessage({}), bytes => bytes.writeInt32BE(2 ** 31 - 1, 26)), 'key of 2147483647', 26],
  ['a value beyond the message', changed(rawMessage({}), bytes => bytes.writeInt32BE(9, 30)), 'value of 9 bytes', 30],
  ['bytes behind the value', changed(rawMessage({ value: 'ab' }), bytes => bytes.writeInt32BE(1, 30)), 'are left', 30],
  ['a wrapper without a value', rawMessage({ offset: 3, attributes: 1 }), 'does not end where', 30],
  [
    'a wrapper with bytes behind its value',
    changed(wrapped(zero), bytes => bytes.writeInt32BE(9, 30)),
    'does not end',
    30,
  ],
  ['an empty wrapper', wrapped(), 'compressed message set is empty', 0],
  ['a wrapper in a wrapper', wrapped(rawWrapper('gzip', [zero])), 'compressed message in a compressed message', 17],
  ['an inner message with a wrong CRC', wrapped(Buffer.from(zero).fill(1, 12, 13)), 'CRC mismatch', 12],
  ['an inner message of magic 2', wrapped(Buffer.from(zero).fill(2, 16, 17)), 'wrong magic', 16],
  ['an inner message that is cut off', wrapped(zero, one.subarray(0, 20)), 'wrong message size', zero.length + 8],
  ['an inner message of which only the start is there', wrapped(zero, one.subarray(0, 9)), 'cut off', zero.length],
  ['an inner size below the least', wrapped(Buffer.from(zero).fill(0, 8, 12)), 'expected 34 to', 8],
  ['a negative inner size', wrapped(Buffer.from(zero).fill(0xff, 8, 12)), 'found 11', 8],
  ['the same inner offset twice', wrapped(zero, zero), 'expected above 17, found 17', zero.length],
  [
    'more inner offsets than the wrapper has room for',
    rawWrapper('gzip', relative(0, 5), { offset: 3 }),
    'wrong offset',
    0,
  ],
  ['absolute offsets above the wrapper', rawWrapper('gzip', absolute(9), { magic: 0, offset: 8 }), '8 at most', 0],
])('refuses %s', (_, bytes, message, position) => {
  const read = () => offsetsOf(bytes)
  expect(read).toThrow(message)
  expect(read).toThrow(expect.objectContaining({ name: 'CorruptRecordError', position }))
  expect(read).toThrow(expect.objectContaining({ firstOffset: expect.any(Number), lastOffset: expect.any(Number) }))
})

test('raises the same error again instead of going on', () => {
  const cursor = openCursor(wrapped(zero, Buffer.from(one).fill(1, 12, 13)))
  expect(cursor.next()).toBe(true)
  expect(() => cursor.next()).toThrow('CRC mismatch')
  expect(() => cursor.next()).toThrow('CRC mismatch')
})

test('stops a wrapper that grows beyond the limit', () => {
  const bomb = rawWrapper('gzip', [rawMessage({ value: Buffer.alloc(10_000) })])
  expect(() => openCursor(bomb, 5000)).toThrow(expect.objectContaining({ name: 'TooLargeWhenDecompressedError' }))
})
