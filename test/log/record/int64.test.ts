import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NumberTooLargeError } from '../../../src/log/errors.ts'
import { fitsNumber, readInt64, writeInt64 } from '../../../src/log/record/int64.ts'
import { seed } from '../../helpers/seed.ts'

function bytesOf(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

test.each([0, 1, -1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, 1700000000000])(
  'reads and writes %d as the eight bytes of its bigint',
  value => {
    expect(readInt64(bytesOf(BigInt(value)), 0)).toBe(value)
    const bytes = Buffer.alloc(10)
    expect(writeInt64(bytes, 1, value)).toBe(9)
    expect(bytes.subarray(1, 9)).toEqual(bytesOf(BigInt(value)))
  },
)

test(`reads and writes every safe integer exactly (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), value => {
      const bytes = Buffer.alloc(8)
      writeInt64(bytes, 0, value)
      expect(bytes.readBigInt64BE()).toBe(BigInt(value))
      expect(readInt64(bytes, 0)).toBe(value)
      expect(fitsNumber(bytes, 0)).toBe(true)
    }),
    { seed },
  )
})

test.each([2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 53n) - 1n, -(2n ** 63n)])(
  'refuses %s, which no number holds, with its position',
  value => {
    const bytes = Buffer.concat([Buffer.alloc(3), bytesOf(value)])
    expect(fitsNumber(bytes, 3)).toBe(false)
    expect(() => readInt64(bytes, 3)).toThrow(NumberTooLargeError)
    expect(() => readInt64(bytes, 3)).toThrow(
      expect.objectContaining({ position: 3, message: expect.stringContaining(`${value}`) }),
    )
  },
)

test.each([2 ** 53, -(2 ** 53), 0.5, Number.NaN, Number.POSITIVE_INFINITY])('does not write %d', value => {
  expect(() => writeInt64(Buffer.alloc(8), 0, value)).toThrow(NumberTooLargeError)
})
