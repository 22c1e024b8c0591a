import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DelimitedFraming } from '../../../src/cli/framing/lines.ts'
import { RecordRules, type RecordRulesOptions } from '../../../src/cli/framing/record-rules.ts'
import { RecordTooLargeError } from '../../../src/log/index.ts'
import { framePieces, PieceInput } from '../../helpers/frame-pieces.ts'
import { RecordingTarget } from '../../helpers/recording-target.ts'

interface Options extends RecordRulesOptions {
  delimiter?: string
  skipEmpty?: boolean
}

function framing({ delimiter = '\n', skipEmpty = false, ...rules }: Options = {}): DelimitedFraming {
  return new DelimitedFraming(Buffer.from(delimiter, 'latin1'), new RecordRules(rules), skipEmpty)
}

function valuesOf(text: string, options: Options = {}): (string | null)[] {
  return framePieces(framing(options), [Buffer.from(text, 'latin1')]).values
}

test('lines become values without their newline, whatever their bytes', () => {
  expect(valuesOf('a\nbc\r\n\xff\xfe\0\n')).toEqual(['a', 'bc\r', '\xff\xfe\0'])
})

test('a last line without its newline is a record, an empty rest is none', () => {
  expect(valuesOf('a\nb')).toEqual(['a', 'b'])
  expect(valuesOf('a\n')).toEqual(['a'])
  expect(valuesOf('')).toEqual([])
  expect(valuesOf('\n')).toEqual([''])
})

test('empty lines are empty records, nothing with skipEmpty, tombstones with -Z', () => {
  expect(valuesOf('\na\n\n\nb\n\n')).toEqual(['', 'a', '', '', 'b', ''])
  expect(valuesOf('\na\n\n\nb\n\n', { skipEmpty: true })).toEqual(['a', 'b'])
  expect(valuesOf('\na\n', { emptyIsTombstone: true })).toEqual([null, 'a'])
})

test('any byte, and several bytes, can be the delimiter', () => {
  expect(valuesOf('a\0b\nc\0', { delimiter: '\0' })).toEqual(['a', 'b\nc'])
  expect(valuesOf('a--b-c---', { delimiter: '--' })).toEqual(['a', 'b-c', '-'])
  expect(valuesOf('a\r\nb\nc\r', { delimiter: '\r\n' })).toEqual(['a', 'b\nc\r'])
})

test('however the bytes arrive, the records are the pieces between the delimiters', () => {
  const bytes = fc.array(fc.constantFrom(0x0a, 0x0d, 0x61), { maxLength: 60 }).map(Buffer.from)
  const delimiter = fc.constantFrom('\n', '\r\n', '\n\n', 'a')
  fc.assert(
    fc.property(
      fc.array(bytes, { maxLength: 8 }),
      delimiter,
      fc.boolean(),
      fc.boolean(),
      (pieces, text, skip, keyed) => {
        const expected = Buffer.concat(pieces).toString('latin1').split(text)
        if (expected.at(-1) === '') expected.pop()
        const options = { delimiter: text, skipEmpty: skip, ...(keyed ? { key: Buffer.from('k') } : {}) }
        const target = framePieces(framing(options), pieces, new RecordingTarget({ capacity: 3 }))
        expect(target.values).toEqual(skip ? expected.filter(value => value !== '') : expected)
      },
    ),
  )
})

test('a line longer than max.message.bytes is refused before it ends, under its own number', () => {
  const target = new RecordingTarget({ maxMessageBytes: 100, capacity: 10 })
  const input = new PieceInput([Buffer.from('a\nb\n'), Buffer.alloc(60, 'x'), Buffer.alloc(60, 'x')])
  const lines = framing()
  for (const _ of [1, 2]) {
    input.next()
    expect(lines.take(input, target)).toBe('more')
  }
  input.next()
  expect(() => lines.take(input, target)).toThrow(RecordTooLargeError)
  expect(input.ordinal).toBe(3)
  expect(target.values).toEqual(['a', 'b'])
})

test('when the target refuses a line, the input stands at that line', () => {
  for (const options of [
    {},
    { skipEmpty: true },
    { key: Buffer.from('k') },
    { key: Buffer.from('k'), skipEmpty: true },
  ]) {
    const target = new RecordingTarget({ maxMessageBytes: 20, capacity: 100 })
    const input = new PieceInput([Buffer.from(`a\n\nb\n${'x'.repeat(30)}\nc\n`)])
    input.next()
    expect(() => framing(options).take(input, target)).toThrow('too large')
    expect(input.ordinal).toBe(4)
    expect(input.start).toBe(5)
  }
})

test('lines are counted over many chunks and flushes, skipped ones too', () => {
  const input = new PieceInput([Buffer.from('a\n\nb\n'), Buffer.from('\nc'), Buffer.from('d\n\n')])
  const target = new RecordingTarget({ capacity: 1 })
  const lines = framing({ skipEmpty: true })
  while (!input.hasEnded) {
    while (lines.take(input, target) === 'full') target.flushFull()
    input.next()
  }
  expect(target.values).toEqual(['a', 'b', 'cd'])
  expect(input.ordinal).toBe(7)
})

test('a long line in many small pieces is searched once, not from its begin with every piece', () => {
  for (const options of [{}, { delimiter: '\r\n' }]) {
    let searched = 0
    const input = new PieceInput([])
    const lines = framing(options)
    const target = new RecordingTarget()
    const line = Buffer.alloc(10_000, 'x')
    for (let end = 10; end <= line.length; end += 10) {
      input.bytes = line
      input.end = end
      const { indexOf, subarray } = line
      line.indexOf = ((value: Buffer, from: number) => {
        searched += end - from
        return (subarray.call(line, 0, end) as Buffer).indexOf(value, from)
      }) as typeof indexOf
      line.subarray = ((from: number, to: number) => {
        searched += to - from
        return subarray.call(line, from, to)
      }) as typeof subarray
      expect(lines.take(input, target)).toBe('more')
      Object.assign(line, { indexOf, subarray })
    }
    expect(searched).toBeLessThan(40_000)
  }
})
