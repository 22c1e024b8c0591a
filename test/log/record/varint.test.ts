import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NumberTooLargeError } from '../../../src/log/errors.ts'
import {
  readVarint,
  readVarlong,
  varintEnd,
  varintSize,
  varlongEnd,
  varlongSize,
  writeVarint,
  writeVarlong,
} from '../../../src/log/record/varint.ts'
import { seed } from '../../helpers/seed.ts'

const hex = (text: string) => Buffer.from(text, 'hex')

/** The zig-zag groups of any int64, by bigints. */
function slowVarlong(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

function written(write: typeof writeVarint, value: number): Buffer {
  const bytes = Buffer.alloc(16, 0xee)
  const end = write(bytes, 3, value)
  expect(bytes.subarray(0, 3)).toEqual(hex('eeeeee'))
  expect(bytes.subarray(end).every(byte => byte === 0xee)).toBe(true)
  return bytes.subarray(3, end)
}

test.each([
  [0, '00'],
  [-1, '01'],
  [1, '02'],
  [5, '0a'],
  [63, '7e'],
  [-64, '7f'],
  [64, '8001'],
  [300, 'd804'],
  [1000, 'd00f'],
  [8191, 'fe7f'],
  [8192, '808001'],
  [-0x8000_0000, 'ffffffff0f'],
  [0x7fff_ffff, 'feffffff0f'],
])('varint and varlong of %d are %s', (value, bytes) => {
  expect(written(writeVarint, value).toString('hex')).toBe(bytes)
  expect(written(writeVarlong, value).toString('hex')).toBe(bytes)
  expect(readVarint(hex(bytes), 0)).toBe(value)
  expect(readVarlong(hex(bytes), 0)).toBe(value)
})

test(`every int32 comes back from the bytes that its size says (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.integer(), value => {
      const bytes = written(writeVarint, value)
      expect(bytes).toEqual(slowVarlong(BigInt(value)))
      expect(bytes).toHaveLength(varintSize(value))
      expect(varintEnd(bytes, 0, bytes.length)).toBe(bytes.length)
      expect(readVarint(bytes, 0)).toBe(value)
    }),
    { seed, numRuns: 2000 },
  )
})

test(`every safe integer comes back as a varlong (seed ${seed})`, () => {
  const numbers = fc.oneof(
    fc.maxSafeInteger(),
    fc.integer(),
    fc.integer({ min: 0, max: 53 }).map(power => 2 ** power - 1),
    fc.integer({ min: 0, max: 52 }).map(power => -(2 ** power)),
  )
  fc.assert(
    fc.property(numbers, value => {
      const bytes = written(writeVarlong, value)
      expect(bytes).toEqual(slowVarlong(BigInt(value)))
      expect(bytes).toHaveLength(varlongSize(value))
      expect(varlongEnd(bytes, 0, bytes.length)).toBe(bytes.length)
      expect(readVarlong(bytes, 0)).toBe(value)
    }),
    { seed, numRuns: 2000 },
  )
})

test('a varint ends within 5 bytes, a varlong within 10, and both before the end', () => {
  const long = Buffer.alloc(20, 0x80)
  expect(varintEnd(long, 0, 20)).toBe(-1)
  expect(varlongEnd(long, 0, 20)).toBe(-1)
  for (let size = 1; size <= 12; size++) {
    const bytes = Buffer.alloc(20, 0x80)
    bytes[4 + size - 1] = 0
    expect(varintEnd(bytes, 4, 20)).toBe(size <= 5 ? 4 + size : -1)
    expect(varlongEnd(bytes, 4, 20)).toBe(size <= 10 ? 4 + size : -1)
    for (let end = 0; end < 4 + size; end++) {
      expect(varintEnd(bytes, 4, end)).toBe(-1)
      expect(varlongEnd(bytes, 4, end)).toBe(-1)
    }
  }
})

test('takes numbers in more bytes than they need', () => {
  expect(readVarint(hex('8a80808000'), 0)).toBe(5)
  expect(readVarlong(hex('8a808080808080808000'), 0)).toBe(5)
  expect(readVarlong(hex('81808080808080808000'), 0)).toBe(-1)
})

test('drops what lies above the bits of the number, as Kafka does', () => {
  expect(readVarint(hex('8a80808070'), 0)).toBe(5)
  expect(readVarlong(hex('8a80808080808080807e'), 0)).toBe(5)
})

test.each([2n ** 53n, -(2n ** 53n) - 1n, 2n ** 54n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n)])(
  'refuses the varlong %s, which no number holds, and names it',
  value => {
    const bytes = Buffer.concat([Buffer.alloc(2), slowVarlong(value)])
    expect(varlongEnd(bytes, 2, bytes.length)).toBe(bytes.length)
    expect(() => readVarlong(bytes, 2)).toThrow(NumberTooLargeError)
    expect(() => readVarlong(bytes, 2)).toThrow(
      expect.objectContaining({ position: 2, message: expect.stringContaining(`${value} `) }),
    )
  },
)

test('does not write a varlong that is no safe integer', () => {
  for (const value of [2 ** 53, -(2 ** 53), 2 ** 40 + 0.5, Number.NaN]) {
    expect(() => writeVarlong(Buffer.alloc(10), 0, value)).toThrow(NumberTooLargeError)
  }
})
