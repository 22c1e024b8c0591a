import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { parseTime, timeHelp, tryParseTime } from '../../src/cli/time-grammar.ts'

const zone = process.env.TZ
afterEach(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

// Node takes a new TZ at once. Kathmandu is 5:45 ahead; Lord Howe changes its clocks by half an hour.
const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia']
const now = Date.UTC(2026, 10, 23, 12, 34, 56, 789)

test.each([
  ['2026-01-31T14:30:00Z', Date.UTC(2026, 0, 31, 14, 30)],
  ['2026-01-31t14:30:00z', Date.UTC(2026, 0, 31, 14, 30)],
  ['2026-01-31T14:30:00.5Z', Date.UTC(2026, 0, 31, 14, 30, 0, 500)],
  ['2026-01-31T14:30:00.123456789Z', Date.UTC(2026, 0, 31, 14, 30, 0, 123)],
  ['2026-01-31T14:30:00,25Z', Date.UTC(2026, 0, 31, 14, 30, 0, 250)],
  ['2026-01-31T14:30:00+01:00', Date.UTC(2026, 0, 31, 13, 30)],
  ['2026-01-31T00:30:00+05:45', Date.UTC(2026, 0, 30, 18, 45)],
  ['2026-01-31 14:30:00-08:00', Date.UTC(2026, 0, 31, 22, 30)],
  ['2026-01-31 14:30:00 +00:00', Date.UTC(2026, 0, 31, 14, 30)],
  ['2026-01-31T14:30Z', Date.UTC(2026, 0, 31, 14, 30)],
  ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ['1700000000', 1_700_000_000_000],
  ['0000000001', 1000],
  ['1700000000123', 1_700_000_000_123],
  ['now', now],
  ['-1h', now - 3_600_000],
  ['-1h30m', now - 5_400_000],
  ['1h ago', now - 3_600_000],
  ['90s  ago', now - 90_000],
  ['-0', now],
])('%s means the same in every zone', (text, expected) => {
  for (const name of zones) {
    process.env.TZ = name
    expect(parseTime(text, now)).toBe(expected)
  }
})

test.each([
  ['UTC', '2026-07-01 10:15', Date.UTC(2026, 6, 1, 10, 15)],
  ['Europe/Berlin', '2026-07-01 10:15', Date.UTC(2026, 6, 1, 8, 15)],
  ['Europe/Berlin', '2026-01-01 10:15:30', Date.UTC(2026, 0, 1, 9, 15, 30)],
  ['Europe/Berlin', '2026-01-01T10:15:30.25', Date.UTC(2026, 0, 1, 9, 15, 30, 250)],
  ['Europe/Berlin', '2026-01-01', Date.UTC(2025, 11, 31, 23)],
  ['America/New_York', '2026-07-01', Date.UTC(2026, 6, 1, 4)],
  ['Asia/Kathmandu', '2026-07-01', Date.UTC(2026, 5, 30, 18, 15)],
  ['Europe/Berlin', 'today', Date.UTC(2026, 10, 22, 23)],
  ['Europe/Berlin', 'yesterday', Date.UTC(2026, 10, 21, 23)],
  ['Pacific/Apia', 'today', Date.UTC(2026, 10, 23, 11)],
  ['America/New_York', 'yesterday', Date.UTC(2026, 10, 22, 5)],
])('in %s, %s is local', (name, text, expected) => {
  process.env.TZ = name
  expect(parseTime(text, now)).toBe(expected)
})

test('today and yesterday begin at midnight also where the clocks changed in between', () => {
  process.env.TZ = 'Europe/Berlin'
  const afterSpring = Date.UTC(2026, 2, 29, 12)
  expect(parseTime('today', afterSpring)).toBe(Date.UTC(2026, 2, 28, 23))
  expect(parseTime('yesterday', Date.UTC(2026, 2, 30, 12))).toBe(Date.UTC(2026, 2, 28, 23))
  expect(parseTime('today', Date.UTC(2026, 2, 30, 12))).toBe(Date.UTC(2026, 2, 29, 22))
})

test('the years 0 to 99 are not those of the last century', () => {
  process.env.TZ = 'UTC'
  expect(parseTime('0026-01-01')).toBe(parseTime('0026-01-01T00:00:00Z'))
  expect(new Date(parseTime('0026-01-01')).getUTCFullYear()).toBe(26)
})

test.each([
  '',
  'foo',
  'tomorrow',
  'Now',
  '1',
  '170000000',
  '17000000000',
  '17000000000000',
  '+1h',
  '1h',
  '-',
  'ago',
  '-1h ago',
  '-1y',
  '10:30',
  '2026',
  '2026-1-1',
  '2026-13-01',
  '2026-00-01',
  '2026-02-29',
  '2026-04-31',
  '2026-01-00',
  '2026-01-01 10',
  '2026-01-01 24:00',
  '2026-01-01 10:60',
  '2026-01-01T10:00:61Z',
  '2026-01-01Z',
  '2026-01-01T10:00:00+0100',
  '2026-01-01T10:00:00+24:00',
  '2026-01-01T10:00:00+01:60',
  '2026-01-01T10:00:00 UTC',
  ' 2026-01-01',
  '2026-01-01T10:00:00Z ',
  '1700000000.5',
  '-1700000000',
])('"%s" is no time, and the hint names those that are', text => {
  expect(tryParseTime(text, now)).toBeUndefined()
  expect(() => parseTime(text, now)).toThrow(
    expect.objectContaining({ code: 'LOGLADY_INVALID_ARGUMENT', hint: timeHelp }),
  )
})

const moments = fc.date({
  min: new Date('0001-01-02T00:00:00Z'),
  max: new Date('9999-12-30T00:00:00Z'),
  noInvalidDate: true,
})

test('what toISOString prints is read back to the same millisecond, in any zone', () => {
  const property = fc.property(moments, fc.constantFrom(...zones), (date, name) => {
    process.env.TZ = name
    expect(parseTime(date.toISOString())).toBe(date.getTime())
  })
  fc.assert(property)
})

test('a moment is the same in whatever offset it is written', () => {
  const offsets = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 })
  const property = fc.property(moments, offsets, (date, minutes) => {
    const shifted = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1)
    const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
    const sign = minutes < 0 ? '-' : '+'
    const offset = `${sign}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`
    expect(parseTime(`${shifted}${offset}`)).toBe(date.getTime())
  })
  fc.assert(property)
})

test('a local time without zone is what Date makes of it, but never another day', () => {
  const recent = fc.date({
    min: new Date('1970-01-02T00:00:00Z'),
    max: new Date('2037-12-30T00:00:00Z'),
    noInvalidDate: true,
  })
  const property = fc.property(recent, fc.constantFrom(...zones), (date, name) => {
    process.env.TZ = name
    const text = date.toISOString().slice(0, 19)
    expect(parseTime(text.replace('T', ' '))).toBe(new Date(text).getTime())
  })
  fc.assert(property)
})

test('no text at all makes the parser throw anything but its own error', () => {
  const texts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789-:TZ+. aghomdws') }))
  const property = fc.property(texts, text => {
    const time = tryParseTime(text, now)
    expect(time === undefined || Number.isSafeInteger(time)).toBe(true)
  })
  fc.assert(property, { numRuns: 2000 })
})
