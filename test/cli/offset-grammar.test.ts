import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type OffsetPosition, offsetHelp, parseOffsetRange } from '../../src/cli/offset-grammar.ts'

const zone = process.env.TZ
beforeEach(() => {
  process.env.TZ = 'UTC'
})
afterEach(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

const now = Date.UTC(2026, 10, 23, 12)
const parse = (text: string) => parseOffsetRange(text, now)
const offset = (number: number): OffsetPosition => ({ kind: 'offset', offset: number })
const time = (timestamp: number): OffsetPosition => ({ kind: 'time', timestamp })
const start: OffsetPosition = { kind: 'beginning', plus: 0 }
const end: OffsetPosition = { kind: 'end' }
const ten = Date.UTC(2026, 0, 1, 10)
const day = Date.UTC(2026, 0, 2)

test.each<[string, OffsetPosition]>([
  ['beginning', start],
  ['earliest', start],
  ['trim_horizon', start],
  ['TRIM_HORIZON', start],
  ['end', end],
  ['latest', end],
  ['LATEST', end],
  ['stored', { kind: 'stored' }],
  ['0', offset(0)],
  ['42', offset(42)],
  ['007', offset(7)],
  ['9007199254740991', offset(Number.MAX_SAFE_INTEGER)],
  ['-10', { kind: 'last', count: 10 }],
  ['-0', { kind: 'last', count: 0 }],
  ['+5', { kind: 'beginning', plus: 5 }],
  ['+0', start],
  ['@now', time(now)],
  ['@-1h', time(now - 3_600_000)],
  ['@1h ago', time(now - 3_600_000)],
  ['@1767261600', time(ten)],
  ['@1767261600000', time(ten)],
  ['@2026-01-02', time(day)],
  ['@2026-01-01 10:00', time(ten)],
  ['@2026-01-01 10:00:00', time(ten)],
  ['@2026-01-01T10:00:00Z', time(ten)],
  ['@2026-01-01T12:00:00+02:00', time(ten)],
])('%s is one position', (text, from) => {
  expect(parse(text)).toEqual({ from })
})

test.each<[string, OffsetPosition, OffsetPosition | undefined]>([
  ['5:10', offset(5), offset(10)],
  ['5:', offset(5), undefined],
  [':10', start, offset(10)],
  ['beginning:10', start, offset(10)],
  ['5:end', offset(5), end],
  ['+5:+10', { kind: 'beginning', plus: 5 }, { kind: 'beginning', plus: 10 }],
  ['stored:10', { kind: 'stored' }, offset(10)],
  ['stored:', { kind: 'stored' }, undefined],
  ['-10:', { kind: 'last', count: 10 }, undefined],
  ['5:@2026-01-02', offset(5), time(day)],
  [':@2026-01-02', start, time(day)],
  ['@2026-01-02:', time(day), undefined],
  ['@2026-01-01 10:00:', time(ten), undefined],
  ['@2026-01-01 10:00:2026-01-02', time(ten), time(day)],
  ['@2026-01-01 10:00:@2026-01-02', time(ten), time(day)],
  ['@2026-01-01T10:00:00Z:2026-01-02T00:00:00Z', time(ten), time(day)],
  ['@2026-01-01T12:00:00+02:00:2026-01-02 00:00:00', time(ten), time(day)],
  ['@1767261600:1767312000000', time(ten), time(day)],
  ['@-2h:-1h', time(now - 7_200_000), time(now - 3_600_000)],
  ['@yesterday:today', time(Date.UTC(2026, 10, 22)), time(Date.UTC(2026, 10, 23))],
  ['@yesterday:now', time(Date.UTC(2026, 10, 22)), time(now)],
  ['@2026-01-01T10:00:00Z:end', time(ten), end],
  ['@2026-01-01T10:00:00Z:+5', time(ten), { kind: 'beginning', plus: 5 }],
])('%s is a range', (text, from, until) => {
  expect(parse(text)).toEqual(until === undefined ? { from } : { from, until })
})

test.each([
  '',
  ':',
  '::',
  '1:2:3',
  'foo',
  '-',
  '+',
  '--5',
  '+-5',
  '1.5',
  '1e3',
  '0x10',
  ' 5',
  '5 ',
  '@',
  '@:',
  '@foo',
  '@5',
  '5@',
  'end:x',
  '٥',
])('"%s" is no offset, and the hint names what is', text => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'LOGLADY_INVALID_ARGUMENT', hint: offsetHelp }))
})

test.each(['-10:-5', '5:-5', ':-5', '-10:20', '@-2h:-5'])('%s: the last N is no end of a range', text => {
  expect(() => parse(text)).toThrow(/can not be one end of a range|is no offset/)
})

test('a mistyped time is not taken for a time and an offset', () => {
  expect(() => parse('@2026-01-01 10:00:5')).toThrow('is no offset')
  expect(() => parse('@2026-01-01 10:5')).toThrow('is no offset')
})

test('stored is only where reading starts', () => {
  expect(() => parse('5:stored')).toThrow('stored can only be where reading starts')
})

test('an offset of 2^53 is refused by name, not rounded', () => {
  for (const text of ['9007199254740992', '-9007199254740993', '+99999999999999999999', '5:9007199254740992']) {
    expect(() => parse(text)).toThrow('too large')
  }
})

const positions = fc.oneof(
  fc.constantFrom('beginning', 'earliest', 'end', 'latest', 'trim_horizon'),
  fc.nat().map(String),
  fc.nat().map(number => `+${number}`),
  fc.date({ min: new Date(0), max: new Date('2200-01-01T00:00:00Z'), noInvalidDate: true }).chain(date => {
    const iso = date.toISOString()
    return fc.constantFrom(
      `@${iso}`,
      `@${iso.slice(0, 10)}`,
      `@${iso.slice(0, 16).replace('T', ' ')}`,
      `@${iso.slice(0, 19)}`,
    )
  }),
)

test('a range is its two positions, however many colons they have', () => {
  const property = fc.property(positions, positions, (left, right) => {
    fc.pre(!(left.startsWith('@') && /^\d+$/.test(right)))
    expect(parse(`${left}:${right}`)).toEqual({ from: parse(left).from, until: parse(right).from })
    expect(parse(`${left}:`)).toEqual({ from: parse(left).from })
    expect(parse(`:${right}`)).toEqual({ from: start, until: parse(right).from })
    if (left.startsWith('@') && right.startsWith('@')) {
      expect(parse(`${left}:${right.slice(1)}`)).toEqual(parse(`${left}:${right}`))
    }
  })
  fc.assert(property)
})

test('no text at all makes the parser throw anything but its own error', () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789-:TZ+@ aghend') }))
  const property = fc.property(texts, text => {
    try {
      expect(parse(text).from.kind).toBeTypeOf('string')
    } catch (error) {
      expect(error).toMatchObject({ code: 'LOGLADY_INVALID_ARGUMENT' })
    }
  })
  fc.assert(property, { numRuns: 2000 })
})
