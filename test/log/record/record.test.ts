import { expect, test } from 'vitest'
import { toRecord } from '../../../src/log/record/record.ts'
import { openCursor, type RawRecord, rawBatch, rawMessage, rawRecord } from '../../helpers/raw-batch.ts'

function recordOf(fields: RawRecord) {
  const cursor = openCursor(rawBatch(rawRecord(fields)))
  cursor.next()
  return toRecord(cursor)
}

test('gives a plain object with everything that the record holds', () => {
  const headers: [string, string | null][] = [
    ['h', 'x'],
    ['n', null],
    ['h', ''],
  ]
  expect(recordOf({ key: 'k', value: 'v', headers })).toEqual({
    offset: 100,
    timestamp: 1000,
    timestampType: 'CreateTime',
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: [
      ['h', Buffer.from('x')],
      ['n', null],
      ['h', Buffer.alloc(0)],
    ],
  })
})

test.each([
  [null, null],
  [null, ''],
  ['', null],
  ['key', null],
  [null, 'value'],
])('keeps the key %j and the value %j', (key, value) => {
  const record = recordOf({ key, value, headers: [['h', 'x']] })
  expect(record.key?.toString() ?? null).toBe(key)
  expect(record.value?.toString() ?? null).toBe(value)
  expect(record.headers).toEqual([['h', Buffer.from('x')]])
})

test('names topic and partition if they are given', () => {
  const cursor = openCursor(rawMessage({ magic: 0, offset: 5, value: 'old' }))
  cursor.next()
  expect(toRecord(cursor, 'events', 3)).toEqual({
    topic: 'events',
    partition: 3,
    offset: 5,
    timestamp: -1,
    timestampType: 'NoTimestampType',
    key: null,
    value: Buffer.from('old'),
    headers: [],
  })
})

test.each(['none', 'zstd'] as const)('does not change when the bytes of the batch do, codec %s', codec => {
  const records = rawRecord({ key: 'a key', value: 'a value', headers: [['header', 'content']] })
  const cursor = openCursor(rawBatch(records, { codec }))
  cursor.next()
  const record = toRecord(cursor)
  cursor.bytes.fill(0)
  cursor.close()
  expect(record.key?.toString()).toBe('a key')
  expect(record.value?.toString()).toBe('a value')
  expect(record.headers).toEqual([['header', Buffer.from('content')]])
})
