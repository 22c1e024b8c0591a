import { expect, test } from 'vitest'
import { InvalidRecordError } from '../../src/log/errors.ts'
import { encodeRecord, type NewRecord } from '../../src/log/new-record.ts'
import { encodeHeaders } from '../../src/log/record/batch-builder.ts'

test('text is UTF-8, bytes are taken as they are, nothing is null', () => {
  const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3)
  expect(encodeRecord({ key: 'ä', value: bytes })).toEqual({
    key: Buffer.from([0xc3, 0xa4]),
    value: Buffer.from([2, 3]),
    fields: {},
  })
  expect(encodeRecord({ value: null })).toEqual({ key: null, value: null, fields: {} })
  expect(encodeRecord({ key: undefined, value: '' })).toMatchObject({ key: null, value: Buffer.alloc(0) })
})

test('headers are pairs in order, or an object', () => {
  const encoded = encodeHeaders([
    [Buffer.from('b'), Buffer.from('1')],
    [Buffer.from('a'), null],
  ])
  const pairs: [string, string | null][] = [
    ['b', '1'],
    ['a', null],
  ]
  expect(encodeRecord({ value: '', headers: pairs }).fields.headers).toEqual(encoded)
  expect(encodeRecord({ value: '', headers: new Map(pairs) }).fields.headers).toEqual(encoded)
  expect(encodeRecord({ value: '', headers: { b: '1', a: null } }).fields.headers).toEqual(encoded)
  expect(encodeRecord({ value: '', headers: [] }).fields.headers).toEqual(Buffer.from([0]))
})

test('a time is ms or a Date, and -1 stays none', () => {
  expect(encodeRecord({ value: '', timestamp: new Date(5), partition: 3 }).fields).toEqual({
    timestamp: 5,
    partition: 3,
  })
  expect(encodeRecord({ value: '', timestamp: -1 }).fields).toEqual({ timestamp: -1 })
})

test.each([
  [{}, 'the record has no value (null is one)'],
  [{ value: 1 }, 'the value must be text, bytes or null, found number'],
  [{ value: { a: 1 } }, 'the value must be text, bytes or null, found object'],
  [{ value: '\ud83d' }, 'the value holds half a surrogate pair'],
  [{ key: '\ude00', value: '' }, 'the key holds half a surrogate pair'],
  [{ value: '', headers: { '\ud83d': null } }, 'the name of a header holds half a surrogate pair'],
  [{ value: '', headers: { h: 7 } }, 'the value of the header h must be text, bytes or null, found number'],
])('%j is refused: %s', (record, message) => {
  expect(() => encodeRecord(record as unknown as NewRecord)).toThrow(InvalidRecordError)
  expect(() => encodeRecord(record as unknown as NewRecord)).toThrow(message)
})
