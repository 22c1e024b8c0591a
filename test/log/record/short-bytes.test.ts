import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  bytePattern,
  COPY_SLACK,
  copyShort,
  findShort,
  fitsShortCopy,
  viewOf,
} from '../../../src/log/record/short-bytes.ts'
import { seed } from '../../helpers/seed.ts'

/** Bytes around the borders of the word trick: 0, 1, 0x7f, 0x80, 0xff and the delimiters' neighbours. */
const trickyByte = fc.oneof(fc.constantFrom(0, 1, 9, 10, 11, 0x7f, 0x80, 0x81, 0xfe, 0xff), fc.nat(255))

test(`finds the same byte as indexOf, for every delimiter (seed ${seed})`, () => {
  const inputs = fc.tuple(fc.array(trickyByte, { maxLength: 60 }), trickyByte, fc.nat(5))
  fc.assert(
    fc.property(inputs, ([array, delimiter, from]) => {
      // Off the alignment of the allocation.
      const bytes = Buffer.from([0, ...array]).subarray(1)
      const found = findShort(viewOf(bytes), bytePattern(delimiter), from, bytes.length)
      const expected = bytes.indexOf(delimiter, from)
      if (found >= 0) expect(found).toBe(expected)
      // It may leave out the last three bytes, and nothing else.
      else if (expected >= 0) expect(expected).toBeGreaterThanOrEqual(bytes.length - 3)
    }),
    { seed, numRuns: 5000 },
  )
})

test('does not look behind the end', () => {
  const bytes = Buffer.from('abcdefg\n')
  expect(findShort(viewOf(bytes), bytePattern(10), 0, 7)).toBe(-1)
  expect(findShort(viewOf(bytes), bytePattern(10), 0, 8)).toBe(7)
})

test('copies every length and changes at most the slack behind it', () => {
  const source = Buffer.from(Array.from({ length: 300 }, (_, n) => (n * 7 + 1) & 0xff))
  for (let length = 0; length <= 128; length++) {
    for (const from of [0, 1, 3, 5]) {
      const target = Buffer.alloc(200, 0xee)
      copyShort(viewOf(target), 2, viewOf(source), from, length)
      expect(target.subarray(2, 2 + length)).toEqual(source.subarray(from, from + length))
      expect(target.subarray(0, 2).equals(Buffer.from([0xee, 0xee]))).toBe(true)
      expect(target.subarray(2 + length + COPY_SLACK - 1).every(byte => byte === 0xee)).toBe(true)
    }
  }
})

test('a copy that would read behind the source is not short', () => {
  expect(fitsShortCopy(0, 10, 17)).toBe(true)
  expect(fitsShortCopy(0, 10, 16)).toBe(false)
  expect(fitsShortCopy(3, 10, 20)).toBe(true)
  expect(fitsShortCopy(0, 129, 1000)).toBe(false)
  // What fits never throws.
  for (let length = 0; length <= 20; length++) {
    for (let size = length; size < length + 10; size++) {
      if (!fitsShortCopy(0, length, size)) continue
      copyShort(viewOf(Buffer.alloc(40)), 0, viewOf(Buffer.alloc(size)), 0, length)
    }
  }
})
