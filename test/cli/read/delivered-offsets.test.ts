import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeliveredOffsets } from '../../../src/cli/read/delivered-offsets.ts'

function begin(...offsets: number[]): DeliveredOffsets {
  const delivered = new DeliveredOffsets()
  for (const [partition, offset] of offsets.entries()) delivered.begin(partition, offset)
  return delivered
}

test('an offset is delivered once its last byte is taken', () => {
  const delivered = begin(10)
  delivered.add(0, 100, 11)
  delivered.add(0, 200, 12)
  delivered.take(99)
  expect(delivered.offsets).toEqual([10])
  delivered.take(100)
  expect(delivered.offsets).toEqual([11])
  delivered.take(250)
  expect(delivered.offsets).toEqual([12])
})

test('what gave no output is delivered with the output before it', () => {
  const delivered = begin(0)
  for (let offset = 0; offset < 1000; offset++) delivered.add(0, 0, offset + 1)
  delivered.take(0)
  expect(delivered.offsets).toEqual([1000])
  delivered.add(0, 70, 1001)
  for (let offset = 1001; offset < 2000; offset++) delivered.add(0, 70, offset + 1)
  delivered.take(69)
  expect(delivered.offsets).toEqual([1000])
  delivered.take(70)
  expect(delivered.offsets).toEqual([2000])
})

test('a partition that turns up later starts where it was begun', () => {
  const delivered = begin(5)
  delivered.add(0, 100, 6)
  delivered.begin(1, 40)
  delivered.add(1, 200, 41)
  delivered.take(150)
  expect(delivered.offsets).toEqual([6, 40])
})

test('nothing is delivered before it is taken, and close to everything that was', () => {
  const step = fc.record({
    partition: fc.nat({ max: 2 }),
    bytes: fc.oneof(fc.constant(0), fc.nat({ max: 200 })),
    take: fc.nat({ max: 400 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const delivered = begin(0, 0, 0)
      const ends: number[][] = [[], [], []]
      let produced = 0
      let taken = 0
      for (const { partition, bytes, take } of steps) {
        produced += bytes
        ends[partition]!.push(produced)
        delivered.add(partition, produced, ends[partition]!.length)
        taken = Math.min(produced, taken + take)
        delivered.take(taken)
        for (const [i, offset] of delivered.offsets.entries()) {
          const exact = ends[i]!.filter(end => end <= taken).length
          const coarse = ends[i]!.filter(end => end + 64 <= taken).length
          expect(offset).toBeLessThanOrEqual(exact)
          expect(offset).toBeGreaterThanOrEqual(coarse)
        }
      }
      delivered.take(produced)
      expect(delivered.offsets).toEqual(ends.map(list => list.length))
    }),
  )
})

test('a long output uses up its marks', () => {
  const delivered = begin(0, 0)
  for (let i = 0; i < 100_000; i++) {
    delivered.add(i & 1, (i + 1) * 100, i + 1)
    if (i % 100 === 0) delivered.take(i * 100)
  }
  delivered.take(100_000 * 100)
  expect(delivered.offsets).toEqual([99_999, 100_000])
})
