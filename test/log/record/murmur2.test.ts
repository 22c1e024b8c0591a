import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { murmur2, partitionForKey } from '../../../src/log/record/murmur2.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { seed } from '../../helpers/seed.ts'

/** `MUR 'key' hash pos=… p3=partition …`, printed by Kafka's own Utils and partitioner. */
const vectors = readFileSync(join(fixtureFolder, 'golden-batches.txt'), 'utf8')
  .split('\n')
  .flatMap(line => {
    const match = /^MUR '(.*)' (-?\d+) pos=\d+ (.*)$/.exec(line)
    if (match === null) return []
    const partitions = [...match[3]!.matchAll(/p(\d+)=(\d+)/g)].map(([, count, p]) => [Number(count), Number(p)])
    return [{ key: match[1]!, hash: Number(match[2]), partitions }]
  })

test('there are vectors', () => {
  expect(vectors.length).toBeGreaterThan(10)
  expect(vectors.every(({ partitions }) => partitions.length === 4)).toBe(true)
})

test.each(vectors)("hashes '$key' to $hash and to Kafka's partitions", ({ key, hash, partitions }) => {
  const bytes = Buffer.from(key)
  expect(murmur2(bytes)).toBe(hash)
  for (const [count, partition] of partitions) {
    expect(partitionForKey(bytes, 0, bytes.length, count!)).toBe(partition)
  }
})

test(`only the bytes from start to end count (seed ${seed})`, () => {
  const some = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(some, some, some, (before, key, behind) => {
      const bytes = Buffer.concat([before, key, behind])
      const end = before.length + key.length
      expect(murmur2(bytes, before.length, end)).toBe(murmur2(Buffer.from(key)))
      const partition = partitionForKey(bytes, before.length, end, 7)
      expect(partition).toBe(partitionForKey(Buffer.from(key), 0, key.length, 7))
      expect(partition).toBeGreaterThanOrEqual(0)
      expect(partition).toBeLessThan(7)
    }),
    { seed },
  )
})
