import { expect, test } from 'vitest'
import { FormatWriter, RecordFormat } from '../../../src/cli/output/format.ts'
import { BlockSink } from '../../../src/cli/output/stdout.ts'
import { InvalidArgumentError } from '../../../src/log/index.ts'
import { type PlainRecord, plainRecord } from '../../helpers/plain-records.ts'

const example: PlainRecord = {
  offset: 7,
  timestamp: 1_700_000_000_123,
  key: 'k1',
  value: Buffer.from([0x76, 0xff]),
  headers: [
    ['h', 'x'],
    ['n', null],
  ],
}

function print(format: string, record: PlainRecord = example, forTerminal = false): string {
  const sink = new BlockSink()
  const writer = new FormatWriter(sink, new RecordFormat(format), { topic: 'events', partition: 2 }, forTerminal)
  writer.write(plainRecord(record))
  return sink.block.toString('latin1', 0, sink.position)
}

test('every directive prints its field', () => {
  expect(print('%t/%p %o %T %k=%s %v %h %K %S')).toBe('events/2 7 1700000000123 k1=v\xff v\xff h=x,n=NULL 2 2')
})

test('encodings', () => {
  expect(print('%v{hex} %v{base64} %s{json} %k{hex} %k{base64} %k{json} %T{iso} %h{json}')).toBe(
    '76ff dv8= {"base64":"dv8="} 6b31 azE= "k1" 2023-11-14T22:13:20.123Z [["h","x"],["n",null]]',
  )
})

test('nulls print nothing, their sizes -1 and their JSON null', () => {
  expect(print('[%k|%v|%k{hex}|%v{json}|%K|%S|%h|%h{json}]', {})).toBe('[|||null|-1|-1||[]]')
  expect(print('[%k|%K|%v{json}]', { key: '', value: '' })).toBe('[|0|""]')
})

test('nothing is added, and escapes and percent signs are what they stand for', () => {
  expect(print('%%%o%%\\n\\t\\x00\\xff\\\\')).toBe('%7%\n\t\x00\xff\\')
})

test('an escape can not make a directive', () => {
  expect(print('\\x25o %o')).toBe('%o 7')
})

test('a record without a timestamp, or with one beyond all dates, prints it as a number', () => {
  expect(print('%T{iso}', { timestamp: -1 })).toBe('-1')
  expect(print('%T{iso}', { timestamp: 9e15 })).toBe('9000000000000000')
})

test('only what comes from records is escaped for a terminal', () => {
  const record = { key: '\x1b[2J', value: 'a\rb', headers: [['\x07', '\x08'] as [string, string]] }
  expect(print('\\x1b[1m%k %v %h\\r', record, true)).toBe('\x1b[1m\\x1b[2J a\\x0db \\x07=\\x08\r')
})

test('a value larger than a block is printed whole', () => {
  const value = 'x'.repeat(900_000)
  expect(print('<%v>', { value })).toBe(`<${value}>`)
})

test.each([
  ['%q', 'unknown directive %q'],
  ['%', 'unknown directive %'],
  ['%v{octal}', 'unknown directive %v{octal}'],
  ['%o{hex}', 'unknown directive %o{hex}'],
  ['%v{hex', 'unknown directive %v{hex'],
  ['%v\\q', 'unknown escape \\q'],
  ['events', 'prints nothing of a record'],
  ['%%', 'prints nothing of a record'],
  ['', 'prints nothing of a record'],
])('the format %j is refused', (format, message) => {
  expect(() => new RecordFormat(format)).toThrow(InvalidArgumentError)
  expect(() => new RecordFormat(format)).toThrow(message)
})
