import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { findBatch, findBatchCandidate } from '../../../src/log/record/find-batch.ts'
import { fixtureFolder, goldenBatches } from '../../helpers/golden.ts'
import { seed } from '../../helpers/seed.ts'

const golden = goldenBatches()
const batch = golden.get('none')!
const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'LAT', 'TXN', 'COMMIT', 'ABORT', 'EMPTY', 'NOTS']

test.each(names)('finds the golden batch %s behind junk, zeros and magic bytes', name => {
  const found = golden.get(name)!
  for (const junk of [Buffer.alloc(0), Buffer.from('junk'), Buffer.alloc(300), Buffer.alloc(300, 2)]) {
    const bytes = Buffer.concat([junk, found, Buffer.from('tail')])
    expect(findBatch(bytes, 0, bytes.length)).toBe(junk.length)
    expect(findBatch(bytes, junk.length, junk.length + found.length)).toBe(junk.length)
    expect(findBatch(bytes, junk.length + 1, bytes.length)).toBe(-1)
  }
})

test('finds every batch of a log from the byte behind the one before', () => {
  const bytes = readFileSync(join(fixtureFolder, 'golden-0', '00000000000000000000.log'))
  const header = new BatchHeader()
  for (let at = 0; at < bytes.length; at += header.sizeInBytes) {
    expect(header.read(bytes, at, bytes.length)).toBe('whole')
    expect(findBatch(bytes, at === 0 ? 0 : at - 60, bytes.length)).toBe(at)
  }
})

test('a batch that is cut off is a candidate and no find', () => {
  const bytes = Buffer.concat([Buffer.from('junk'), batch])
  const header = new BatchHeader()
  for (let end = 0; end < bytes.length; end++) {
    expect(findBatch(bytes, 0, end)).toBe(-1)
    expect(findBatchCandidate(bytes, 0, end, header)).toBe(end >= 4 + 61 ? 4 : -1)
  }
  expect(header.sizeInBytes).toBe(127)
  expect(findBatch(bytes, 0, bytes.length)).toBe(4)
})

test('passes over a batch with a damaged byte to the next one', () => {
  for (let at = 0; at < batch.length; at++) {
    // Offset and epoch are not in the CRC.
    if (at < 8 || (at >= 12 && at < 16)) continue
    const damaged = Buffer.from(batch)
    damaged[at]! ^= 0x10
    const bytes = Buffer.concat([damaged, batch])
    expect(findBatch(bytes, 0, bytes.length), `byte ${at}`).toBe(batch.length)
  }
})

test('a header without meaning is no candidate, whatever its CRC', () => {
  for (const [at, hex] of [
    [21, '0100'],
    [21, '0080'],
    [43, '8000000000000000'],
    [51, '8000'],
    [53, '80000000'],
  ] as const) {
    const bytes = Buffer.from(batch)
    bytes.write(hex, at, 'hex')
    expect(findBatchCandidate(bytes, 0, bytes.length)).toBe(-1)
  }
})

test(`finds nothing in random bytes, and the batch between them (seed ${seed})`, () => {
  const noise = fc.uint8Array({ maxLength: 400 })
  fc.assert(
    fc.property(noise, noise, (before, behind) => {
      const bytes = Buffer.concat([before, batch, behind])
      expect(findBatch(bytes, 0, before.length)).toBe(-1)
      expect(findBatch(bytes, 0, bytes.length)).toBe(before.length)
      expect(findBatch(bytes, before.length + 1, bytes.length)).toBe(-1)
    }),
    { seed },
  )
})
