import { expect, test } from 'vitest'
import { readControlRecord } from '../../../src/log/record/control-record.ts'
import { openCursor, rawBatch, rawRecord } from '../../helpers/raw-batch.ts'

const bytes = (hex: string) => Buffer.from(hex, 'hex')

function read(key: string | null, value: string | null) {
  const record = rawRecord({ key: key === null ? null : bytes(key), value: value === null ? null : bytes(value) })
  const cursor = openCursor(rawBatch(record, { attributes: 0x30 }))
  expect(cursor.isControl).toBe(true)
  cursor.next()
  return readControlRecord(cursor)
}

test('reads the markers of a transaction', () => {
  expect(read('00000000', '000000000007')).toEqual({ type: 'ABORT', typeId: 0, version: 0, coordinatorEpoch: 7 })
  expect(read('00000001', '0000ffffffff')).toEqual({ type: 'COMMIT', typeId: 1, version: 0, coordinatorEpoch: -1 })
})

test('reads later versions, whose key and value are longer', () => {
  expect(read('00010001ffff', '000100000007ffff')).toMatchObject({ type: 'COMMIT', version: 1, coordinatorEpoch: 7 })
})

test.each([
  ['00000002', 'LEADER_CHANGE', 2],
  ['00000003', 'SNAPSHOT_HEADER', 3],
  ['00000004', 'SNAPSHOT_FOOTER', 4],
  ['00000005', 'KRAFT_VERSION', 5],
  ['00000006', 'KRAFT_VOTERS', 6],
  ['00000007', 'UNKNOWN', 7],
  ['0000ffff', 'UNKNOWN', -1],
])('names the type of the key %s %s without reading its value', (key, type, typeId) => {
  expect(read(key, null)).toEqual({ type, typeId, version: 0 })
})

test.each([
  [null, null, 'key of a control record is too short'],
  ['000000', null, 'key of a control record is too short'],
  ['ffff0001', '000000000007', 'control record of version -1'],
  ['00000001', null, 'value of a control record COMMIT is too short'],
  ['00000000', '0000000000', 'value of a control record ABORT is too short'],
])('refuses the key %s with the value %s', (key, value, message) => {
  expect(() => read(key, value)).toThrow(message)
  expect(() => read(key, value)).toThrow(expect.objectContaining({ name: 'CorruptRecordError', firstOffset: 100 }))
})
