import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { JsonWriter, jsonSize, writeJson } from '../../../src/cli/output/json.ts'
import { BlockSink } from '../../../src/cli/output/stdout.ts'
import { type PlainRecord, plainRecord } from '../../helpers/plain-records.ts'

function json(input: string | Uint8Array, forTerminal = false): string {
  const bytes = Buffer.concat([Buffer.from('"'), Buffer.from(input as string), Buffer.from([0xa9])])
  const end = bytes.length - 1
  const size = jsonSize(bytes, 1, end)
  const out = Buffer.alloc(size + 1)
  const written = writeJson(out, 0, bytes, 1, end, forTerminal)
  expect(written).toBeLessThanOrEqual(size)
  return out.toString('utf8', 0, written)
}

function line(record: PlainRecord, forTerminal = false): string {
  const sink = new BlockSink()
  new JsonWriter(sink, { topic: 'events', partition: 3 }, forTerminal).write(plainRecord(record))
  return sink.block.toString('utf8', 0, sink.position)
}

test('a record is one line with the keys in their order', () => {
  expect(
    line({
      offset: 42,
      timestamp: 1_700_000_000_000,
      key: 'k',
      value: 'v\n',
      headers: [
        ['h', 'x'],
        ['h', null],
      ],
    }),
  ).toBe(
    '{"topic":"events","partition":3,"offset":42,"timestamp":1700000000000,"key":"k","value":"v\\n","headers":[["h","x"],["h",null]]}\n',
  )
})

test('null, empty and the text null are three things', () => {
  expect(line({ timestamp: -1, key: '', value: null })).toContain('"timestamp":-1,"key":"","value":null,"headers":[]')
  expect(line({ value: 'null' })).toContain('"key":null,"value":"null"')
})

test('a string is what JSON.stringify makes of it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => {
      expect(json(text)).toBe(JSON.stringify(text))
    }),
  )
})

test('any bytes come back from their JSON', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.string({ unit: 'binary' }).map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.array(piece), fc.boolean(), (pieces, forTerminal) => {
      const bytes = Buffer.concat(pieces)
      const value: unknown = JSON.parse(json(bytes, forTerminal))
      if (isUtf8(bytes)) expect(value).toBe(bytes.toString())
      else expect(value).toEqual({ base64: bytes.toString('base64') })
    }),
  )
})

test('UTF-8 that encodes a surrogate is not taken for text', () => {
  expect(json(Uint8Array.of(0xed, 0xa0, 0x80))).toBe('{"base64":"7aCA"}')
})

test('on a terminal DEL and C1 are written as escapes', () => {
  expect(json('a\x7f\u009b\u00a0', true)).toBe('"a\\u007f\\u009b\u00a0"')
  expect(json('a\x7f\u009b')).toBe('"a\x7f\u009b"')
})

test('large values have room whatever they are made of', () => {
  for (const byte of [0x00, 0x22, 0x41, 0x7f, 0xc2, 0xff]) {
    const value = Buffer.alloc(100_000, byte)
    const expected = isUtf8(value) ? value.toString() : { base64: value.toString('base64') }
    expect(JSON.parse(line({ key: value, value }, true))).toMatchObject({ key: expected, value: expected })
  }
  const controls = '\u0080'.repeat(100_000)
  expect(JSON.parse(line({ value: controls, headers: [[controls, controls]] }, true)).headers).toEqual([
    [controls, controls],
  ])
})

test('header keys that are no UTF-8 are kept too', () => {
  expect(JSON.parse(line({ headers: [[Buffer.from([0xff]), Buffer.from([0])]] })).headers).toEqual([
    [{ base64: '/w==' }, '\0'],
  ])
})
