import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_DECIMAL_BYTES, writeBytes, writeDecimal } from '../../../src/cli/output/bytes.ts'

function decimal(value: number): string {
  const out = Buffer.alloc(MAX_DECIMAL_BYTES + 2, '.')
  const end = writeDecimal(out, 1, value)
  expect(out[0]).toBe(0x2e)
  expect(out.subarray(end).every(byte => byte === 0x2e)).toBe(true)
  return out.toString('latin1', 1, end)
}

test('numbers at every power of ten are written as JavaScript prints them', () => {
  for (let power = 0; power <= 15; power++) {
    for (const value of [10 ** power - 1, 10 ** power, 10 ** power + 1]) {
      expect(decimal(value)).toBe(String(value))
      expect(decimal(-value)).toBe(String(value === 0 ? 0 : -value))
    }
  }
  expect(decimal(Number.MAX_SAFE_INTEGER)).toBe('9007199254740991')
  expect(decimal(Number.MIN_SAFE_INTEGER)).toBe('-9007199254740991')
})

test('any whole number is written as JavaScript prints it', () => {
  fc.assert(fc.property(fc.maxSafeInteger(), value => decimal(value) === String(value)))
})

test('short and long pieces are copied whole', () => {
  const bytes = Buffer.from(Array.from({ length: 200 }, (_, i) => i))
  for (const length of [0, 1, 31, 32, 33, 150]) {
    const out = Buffer.alloc(200, 0xff)
    expect(writeBytes(out, 3, bytes, 7, 7 + length)).toBe(3 + length)
    expect(out.subarray(3, 3 + length)).toEqual(bytes.subarray(7, 7 + length))
    expect(out[3 + length]).toBe(0xff)
  }
})
