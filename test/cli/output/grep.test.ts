import { expect, test } from 'vitest'
import { ValueMatcher } from '../../../src/cli/output/grep.ts'
import { InvalidArgumentError } from '../../../src/log/index.ts'
import { plainRecord } from '../../helpers/plain-records.ts'

function matches(pattern: string, value: string | Buffer | null, key: string | null = null): boolean {
  return new ValueMatcher(pattern).matches(plainRecord({ key, value }))
}

test('a pattern in lower case matches either case', () => {
  expect(matches('error', 'an ERROR here')).toBe(true)
  expect(matches('größe', 'GRÖSSE GRÖßE')).toBe(true)
})

test('a pattern with a capital matches exactly that', () => {
  expect(matches('Error', 'an error')).toBe(false)
  expect(matches('Error', 'an Error')).toBe(true)
  expect(matches('Err.r', 'an error')).toBe(false)
})

test('capitals of escapes do not make a pattern case-sensitive', () => {
  expect(matches('\\Serror\\W', '.ERROR!')).toBe(true)
  expect(matches('\\p{Lu}x', 'AX')).toBe(true)
  expect(matches('\\x4Ax', 'jX')).toBe(true)
})

test('plain text without letters is found in any bytes', () => {
  expect(matches('404', Buffer.from([0xff, 0x34, 0x30, 0x34]))).toBe(true)
  expect(matches('404', Buffer.from([0xff, 0x34, 0x30]))).toBe(false)
})

test('only the value is looked at, and only to its end', () => {
  expect(matches('needle', 'hay', 'needle')).toBe(false)
  expect(matches('"', 'hay')).toBe(false)
  expect(matches('y$', 'hay')).toBe(true)
  expect(matches('^h', 'hay')).toBe(true)
})

test('a null value matches nothing, an empty one the empty pattern', () => {
  expect(matches('', null)).toBe(false)
  expect(matches('.*', null)).toBe(false)
  expect(matches('', '')).toBe(true)
})

test('needless escapes are understood and a broken pattern is refused', () => {
  expect(matches('a\\-b', 'a-b')).toBe(true)
  expect(() => new ValueMatcher('(')).toThrow(InvalidArgumentError)
})

test('characters count as one, whatever they take in bytes', () => {
  expect(matches('^.$', '😀')).toBe(true)
})
