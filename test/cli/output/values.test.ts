import { expect, test } from 'vitest'
import type { RecordWriter } from '../../../src/cli/output/record-writer.ts'
import { BlockSink } from '../../../src/cli/output/stdout.ts'
import { DelimitedWriter, LengthPrefixedWriter } from '../../../src/cli/output/values.ts'
import { type PlainRecord, plainRecord } from '../../helpers/plain-records.ts'

function print(makeWriter: (sink: BlockSink) => RecordWriter, records: PlainRecord[]): string {
  const sink = new BlockSink()
  const writer = makeWriter(sink)
  for (const record of records) writer.write(plainRecord(record))
  return sink.block.toString('latin1', 0, sink.position)
}

const newline = Buffer.from('\n')

test('each value has the delimiter behind it, the empty and the null one too', () => {
  const records = [{ value: 'a' }, { value: '' }, { value: null }, { value: 'b\n' }]
  expect(print(sink => new DelimitedWriter(sink, { delimiter: newline }), records)).toBe('a\n\n\nb\n\n')
  expect(print(sink => new DelimitedWriter(sink, { delimiter: Buffer.from('--') }), records)).toBe('a------b\n--')
  expect(print(sink => new DelimitedWriter(sink, { delimiter: Buffer.alloc(0) }), records)).toBe('ab\n')
})

test('a null key prints no key delimiter, an empty one does', () => {
  const options = { delimiter: newline, keyDelimiter: Buffer.from(': ') }
  const records = [
    { key: 'k', value: 'v' },
    { key: null, value: 'v' },
    { key: '', value: 'v' },
    { key: 'k', value: null },
  ]
  expect(print(sink => new DelimitedWriter(sink, options), records)).toBe('k: v\nv\n: v\nk: \n')
})

test('on a terminal the data is escaped and the delimiter is not', () => {
  const options = { delimiter: Buffer.from('\0'), keyDelimiter: Buffer.from('\x1b'), forTerminal: true }
  expect(print(sink => new DelimitedWriter(sink, options), [{ key: '\x07', value: '\r' }])).toBe('\\x07\x1b\\x0d\0')
})

test('lengths as four bytes, big-endian', () => {
  const records = [{ value: 'abc' }, { value: '' }, { value: null }, { value: 'x'.repeat(300) }]
  expect(print(sink => new LengthPrefixedWriter(sink, { prefix: 'u32be' }), records)).toBe(
    `\0\0\0\x03abc\0\0\0\0\0\0\0\0\0\0\x01\x2c${'x'.repeat(300)}`,
  )
})

test('lengths as unsigned LEB128', () => {
  for (const [length, prefix] of [
    [0, '\x00'],
    [127, '\x7f'],
    [128, '\x80\x01'],
    [16_383, '\xff\x7f'],
    [16_384, '\x80\x80\x01'],
    [2_097_152, '\x80\x80\x80\x01'],
  ] as const) {
    const value = 'x'.repeat(length)
    const printed = print(sink => new LengthPrefixedWriter(sink, { prefix: 'varint' }), [{ value }])
    expect(printed.slice(0, prefix.length)).toBe(prefix)
    expect(printed.length).toBe(prefix.length + length)
  }
})

test('a length counts the key and its delimiter', () => {
  const options = { prefix: 'varint', keyDelimiter: Buffer.from('=') } as const
  const records = [{ key: 'k', value: 'v' }, { value: 'v' }]
  expect(print(sink => new LengthPrefixedWriter(sink, options), records)).toBe('\x03k=v\x01v')
})
