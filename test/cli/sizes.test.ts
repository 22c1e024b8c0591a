import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatCount,
  formatDuration,
  formatQuantity,
  formatSize,
  parseDuration,
  parseSize,
} from '../../src/cli/sizes.ts'

test.each([
  ['0', 0],
  ['1', 1],
  ['512B', 512],
  ['1K', 1024],
  ['1k', 1024],
  ['1KiB', 1024],
  ['64K', 65_536],
  ['1M', 1_048_576],
  ['1.5M', 1_572_864],
  ['0.5 KiB', 512],
  ['2G', 2 ** 31],
  ['1TiB', 2 ** 40],
  ['1048588', 1_048_588],
])('%s is %d bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})

test.each(['', 'K', '-1', '1e3', '1 000', '1X', '1iB', '0x10', '1K2', '.5K', '1.', 'NaN', ' 1'])(
  '"%s" is no size',
  text => {
    expect(() => parseSize(text)).toThrow('is no size')
  },
)

test('a size in KB is refused with the two spellings that count in 1024', () => {
  expect(() => parseSize('64KB')).toThrow(expect.objectContaining({ hint: 'write 64K or 64KiB: powers of 1024' }))
})

test('a size that is no whole number of bytes is refused', () => {
  expect(() => parseSize('1.1K')).toThrow('no whole number of bytes')
  expect(() => parseSize('0.5')).toThrow('no whole number of bytes')
})

test('a size of 2^53 or more is refused', () => {
  expect(parseSize('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => parseSize('9007199254740992')).toThrow('too large')
  expect(() => parseSize('99999T')).toThrow('too large')
})

test('any number of bytes is the same with a unit, where it divides', () => {
  const units: [string, number][] = [
    ['K', 1],
    ['MiB', 2],
    ['g', 3],
  ]
  const property = fc.property(fc.nat({ max: 4000 }), fc.constantFrom(...units), (count, [unit, power]) => {
    expect(parseSize(`${count}${unit}`)).toBe(count * 1024 ** power)
    expect(parseSize(String(count * 1024 ** power))).toBe(count * 1024 ** power)
  })
  fc.assert(property)
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1_048_575, '1.0 MiB'],
  [1_258_291, '1.2 MiB'],
  [1.5 * 2 ** 40, '1.5 TiB'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text)
})

test.each([
  ['0', 0],
  ['5ms', 5],
  ['1.5s', 1500],
  ['10m', 600_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
  ['2w', 1_209_600_000],
  ['1h30m', 5_400_000],
  ['0ms', 0],
])('%s are %d milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds)
})

test.each(['', '5', '-5ms', 'ms', '1y', '5 ms', '1h 30m', '1.h', '1M', '1S', 'h1'])('"%s" is no duration', text => {
  expect(() => parseDuration(text)).toThrow('is no duration')
})

test('a duration that no number can hold is refused', () => {
  expect(() => parseDuration('99999999999999w')).toThrow('too long')
})

test.each([
  [0, '0 ms'],
  [12.4, '12 ms'],
  [999.6, '1.0 s'],
  [3400, '3.4 s'],
  [59_960, '1 m'],
  [125_000, '2 m 5 s'],
  [11_220_000, '3 h 7 m'],
  [352_800_000, '4 d 2 h'],
])('%d milliseconds are shown as %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text)
})

test('counts have commas, whatever the locale', () => {
  expect([0, 999, 1000, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567'])
})

test('a count has its unit in the singular only for one', () => {
  expect([0, 1, 2, 1234].map(count => formatQuantity(count, 'segment'))).toEqual([
    '0 segments',
    '1 segment',
    '2 segments',
    '1,234 segments',
  ])
})
