import fc from 'fast-check'
import { expect, test } from 'vitest'
import { JsonLinesFraming, type JsonLinesOptions } from '../../../src/cli/framing/json-lines.ts'
import { encodeHeaders, InvalidRecordError } from '../../../src/log/index.ts'
import { cutRandomly, framePieces, PieceInput } from '../../helpers/frame-pieces.ts'
import { type RecordedRecord, RecordingTarget } from '../../helpers/recording-target.ts'

function recordsOf(text: string | Buffer, options: JsonLinesOptions = {}): RecordedRecord[] {
  return framePieces(new JsonLinesFraming(options), [Buffer.from(text)]).taken
}

/** The message of the refusal of one line, with the byte in it at which it stops making sense. */
function refusal(line: string | Buffer): string {
  const input = new PieceInput([Buffer.from(`{"value":"ok"}\n`), Buffer.from(line)])
  const framing = new JsonLinesFraming()
  const target = new RecordingTarget({ capacity: 9 })
  input.next()
  framing.take(input, target)
  input.next()
  try {
    framing.take(input, target)
    input.next()
    framing.take(input, target)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidRecordError)
    expect(input.ordinal).toBe(2)
    expect(target.values).toEqual(['ok'])
    const { message, position } = error as InvalidRecordError
    return `${message} @${position! - input.start}`
  }
  return 'accepted'
}

const latin1 = (text: string) => Buffer.from(text).toString('latin1')

test('a line as read -J prints it gives its record; topic, offset and timestampType are ignored', () => {
  const line =
    '{"topic":"t","partition":3,"offset":12,"timestamp":1700000000000,"timestampType":"CreateTime","key":"k","value":"v","headers":[]}'
  expect(recordsOf(`${line}\n`)).toEqual([
    { key: 'k', value: 'v', headers: '\0', timestamp: 1_700_000_000_000, partition: 3 },
  ])
})

test('null, empty and missing stay apart', () => {
  expect(recordsOf('{"key":null,"value":null}')).toEqual([{ key: null, value: null }])
  expect(recordsOf('{"key":"","value":""}')).toEqual([{ key: '', value: '' }])
  expect(recordsOf('{"value":{"base64":""}}')).toEqual([{ key: null, value: '' }])
  expect(recordsOf('{"value":1}'.replace('1', '"1"'), { key: Buffer.from('d') })).toEqual([{ key: 'd', value: '1' }])
  expect(recordsOf('{"key":null,"value":"v"}', { key: Buffer.from('d') })).toEqual([{ key: null, value: 'v' }])
})

test('white space, CRLF, any order of the fields, a last line without its newline', () => {
  expect(recordsOf(' { "value" : "v" ,\t"key" : "k" } \r\n{"value":"w"}')).toEqual([
    { key: 'k', value: 'v' },
    { key: null, value: 'w' },
  ])
})

test('escapes stand for their characters', () => {
  const text = String.raw`{"value":"\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00é😀","key":"a\u0062"}`
  expect(recordsOf(text)).toEqual([{ key: 'ab', value: latin1('"\\/\b\f\n\r\t\0éé'.replace('éé', 'é😀é😀')) }])
  expect(recordsOf(String.raw`{"v\u0061lue":"x"}`)).toEqual([{ key: null, value: 'x' }])
})

test('headers are pairs: doubles, nulls, bytes in names and values keep their order', () => {
  const line = '{"value":"v","headers":[["h","1"],["h","2"],["n",null],[{"base64":"/w=="},{"base64":"AAE="}],["",""]]}'
  const pairs: [Buffer, Buffer | null][] = [
    [Buffer.from('h'), Buffer.from('1')],
    [Buffer.from('h'), Buffer.from('2')],
    [Buffer.from('n'), null],
    [Buffer.from([0xff]), Buffer.from([0, 1])],
    [Buffer.from(''), Buffer.from('')],
  ]
  expect(recordsOf(line)[0]!.headers).toBe(encodeHeaders(pairs).toString('latin1'))
})

test('with ignorePartition the partition of a record is forgotten', () => {
  expect(recordsOf('{"value":"v","partition":3}', { ignorePartition: true })).toEqual([{ key: null, value: 'v' }])
})

test('what JSON.stringify makes of a record is read back, however the bytes arrive', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }).filter(isWellFormed))
  const bytes = fc.oneof(text, fc.constant(null), fc.uint8Array())
  const record = fc.record({ key: bytes, value: bytes, timestamp: fc.integer({ min: -1 }), partition: fc.nat(98) })
  const field = (value: string | Uint8Array | null) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value
  const recorded = (value: string | Uint8Array | null) =>
    value === null ? null : Buffer.from(value).toString('latin1')
  fc.assert(
    fc.property(
      fc.array(record),
      fc.infiniteStream(fc.nat(999).map(thousandths => thousandths / 1000)),
      fc.boolean(),
      (records, cuts, ascii) => {
        const lines = records.map(({ key, value, ...rest }) => {
          const line = JSON.stringify({ ...rest, key: field(key), value: field(value) })
          return `${ascii ? escaped(line) : line}\n`
        })
        const pieces = cutRandomly(Buffer.from(lines.join('')), () => cuts.next().value)
        const { taken } = framePieces(new JsonLinesFraming(), pieces, new RecordingTarget({ capacity: 2 }))
        const expected = records.map(({ key, value, ...rest }) => ({
          ...rest,
          key: recorded(key),
          value: recorded(value),
        }))
        expect(taken).toEqual(expected)
      },
    ),
  )
})

function isWellFormed(text: string): boolean {
  return !/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(text)
}

function escaped(text: string): string {
  return text.replace(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

test('a line is refused for anything that would not come back the same, at the byte where it begins', () => {
  expect(refusal('{"key":"k"}')).toBe('the record has no "value" (null is one) @0')
  expect(refusal('{"value":"v","extra":1}')).toBe('a record has no field "extra" @13')
  expect(refusal('{"value":"v","base64":"AA=="}')).toBe('a record has no field "base64" @13')
  expect(refusal('{"value":"v","value":"v"}')).toBe('field "value" is there twice @13')
  expect(refusal(String.raw`{"value":"v","v\u0061lue":"v"}`)).toBe('field "value" is there twice @13')
  expect(refusal(String.raw`{"value":"x\ud800y"}`)).toBe('a lone surrogate, which stands for no bytes @11')
  expect(refusal(String.raw`{"value":"x\udc00"}`)).toBe('a lone surrogate, which stands for no bytes @11')
  expect(refusal(String.raw`{"value":"\ud800\ud800"}`)).toBe('a lone surrogate, which stands for no bytes @10')
  expect(refusal(Buffer.from('{"value":"é\xff"}', 'latin1'))).toBe('not UTF-8 @10')
  expect(refusal(Buffer.concat([Buffer.from('{"value":"é'), Buffer.from([0xed, 0xa0, 0x80])]))).toBe('not UTF-8 @12')
  expect(refusal('\ufeff{"value":"v"}')).toBe('expected a JSON object, found byte 239 @0')
  expect(refusal('\n')).toBe('expected a JSON object, found the end @0')
})

test('bytes are a string, exactly {"base64": …} or null', () => {
  const wanted = 'a value is a string, {"base64": "…"} or null @9'
  for (const value of ['1', 'true', '[]', '{}', '{"base64":1}', '{"hex":"00"}', '{"base64":"AA==","x":1}']) {
    expect(refusal(`{"value":${value}}`)).toBe(wanted)
  }
  for (const text of ['AA=', 'AA', 'A', 'AA==\\n', 'AB==', '_w==', ' AA==']) {
    expect(refusal(`{"value":{"base64":"${text}"}}`)).toBe('not base64 @19')
  }
  expect(recordsOf('{"value":{"base64":"\\/w=="}}')).toEqual([{ key: null, value: '\xff' }])
})

test('timestamp and partition are whole numbers in their range', () => {
  const stamped = (text: string) => refusal(`{"timestamp":${text},"value":""}`)
  expect(stamped('1.5')).toBe('timestamp is a whole number @13')
  expect(stamped('1e3')).toBe('timestamp is a whole number @13')
  expect(stamped('1.0')).toBe('timestamp is a whole number @13')
  expect(stamped('"1"')).toBe('expected a number, found """ @13')
  expect(stamped('null')).toBe('expected a number, found "n" @13')
  expect(stamped('01')).toBe('expected a number, found "0" @13')
  expect(stamped('-2')).toBe('timestamp -2 is not in the range -1 to 9007199254740991 @13')
  expect(stamped('9007199254740993')).toContain('is not in the range')
  expect(stamped('-1')).toBe('accepted')
  expect(refusal('{"partition":-1,"value":""}')).toContain('is not in the range')
})

test('headers that are no pairs of a name and a value are refused', () => {
  const headers = (text: string) => refusal(`{"value":"","headers":${text}}`)
  expect(headers('{"a":"b"}')).toBe('expected headers as an array of ["name", "value"] pairs, found "{" @22')
  expect(headers('null')).toContain('expected headers as an array')
  expect(headers('[["a"]]')).toBe('expected a header of two elements, found "]" @27')
  expect(headers('[["a","b","c"]]')).toContain('expected a header of two elements, found ","')
  expect(headers('[[null,"b"]]')).toContain("a header's name is a string")
  expect(headers('["a","b"]')).toContain('expected a header as a ["name", "value"] pair')
})

test('what is no JSON is refused', () => {
  const broken = [
    '',
    '[]',
    '"x"',
    '{',
    '{"value":"v"',
    '{"value":"v",}',
    '{"value" "v"}',
    '{value:"v"}',
    '{"value":"v"} x',
    '{"value":"v"}{}',
  ]
  for (const line of broken) expect(refusal(`${line}\n`)).not.toBe('accepted')
  expect(refusal('{"value":"v')).toBe('a string without its closing quote @9')
  expect(refusal('{"value":"a\tb"}')).toBe('a bare control character in a string, it has to be \\u0009 @11')
  expect(refusal(String.raw`{"value":"\x41"}`)).toBe('no such escape in JSON @10')
  expect(refusal(String.raw`{"value":"\u12"}`)).toBe('\\u takes four hex digits @10')
  expect(refusal('{"value":"v","topic":{"a":1}}')).toContain('expected topic as a string or number')
  expect(refusal('{"value":"v","offset":tru}')).toContain('expected a JSON value')
})

test('random and mutated lines are taken or refused, never anything else', () => {
  const line =
    '{"topic":"t","partition":1,"offset":1,"timestamp":1,"key":"k\\n","value":{"base64":"AAA="},"headers":[["a",null]]}'
  fc.assert(
    fc.property(
      fc.nat(line.length - 1),
      fc.constantFrom(...'{}[]",:\\u0019aen \0\x80\xff'),
      fc.boolean(),
      (at, byte, insert) => {
        const text = line.slice(0, at) + byte + line.slice(insert ? at : at + 1)
        const bytes = Buffer.from(text, 'latin1')
        try {
          recordsOf(bytes)
          expect(() => JSON.parse(bytes.toString())).not.toThrow()
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRecordError)
        }
      },
    ),
    { numRuns: 2000 },
  )
})
