import { expect, test } from 'vitest'
import { parseHeaders } from '../../../src/log/record/headers.ts'

const parse = (hex: string) => parseHeaders(Buffer.from(hex, 'hex'), 0, hex.length / 2)

test('parses headers in their order, with null values and keys that come twice', () => {
  expect(parse('00')).toEqual([])
  const pairs = parse('060468310476310468310104c3a900').map(([key, value]) => [key.toString(), value?.toString()])
  expect(pairs).toEqual([
    ['h1', 'v1'],
    ['h1', undefined],
    ['é', ''],
  ])
})

test('parses only what lies between start and end', () => {
  const bytes = Buffer.from('ffff0202680278ffff', 'hex')
  expect(parseHeaders(bytes, 2, 7)).toEqual([[Buffer.from('h'), Buffer.from('x')]])
})

test.each([
  ['', 'count of headers is cut off', 0],
  ['80', 'count of headers is cut off', 0],
  ['02', 'key of header 1 does not fit', 1],
  ['0201', 'key of header 1 does not fit', 1],
  ['020668', 'key of header 1 does not fit', 1],
  ['020268', 'key of header 1 does not fit', 1],
  ['0202680478', 'value of header 1 does not fit', 3],
  ['04026801', 'key of header 2 does not fit', 4],
  ['0000', '1 bytes are left behind the headers', 1],
  ['feffffff0f', 'key of header 1 does not fit', 5],
])('refuses %s', (hex, message, position) => {
  expect(() => parse(hex)).toThrow(message)
  expect(() => parse(hex)).toThrow(expect.objectContaining({ name: 'CorruptRecordError', position }))
})
