import { expect, test } from 'vitest'
import { NumberTooLargeError } from '../../../src/log/errors.ts'
import { type BatchFault, BatchHeader } from '../../../src/log/record/batch-header.ts'
import { goldenBatches } from '../../helpers/golden.ts'
import { rawMessage, rawWrapper, withCrc } from '../../helpers/raw-batch.ts'

const golden = goldenBatches()
const T = 1700000000000

function read(bytes: Buffer, position = 0, end = bytes.length) {
  const header = new BatchHeader()
  return { header, check: header.read(bytes, position, end) }
}

/** The golden batch "none" with some of its bytes replaced. */
function changed(at: number, bytes: string): Buffer {
  const batch = Buffer.from(golden.get('none')!)
  batch.write(bytes, at, 'hex')
  return batch
}

test('reads every field of the golden batches', () => {
  const { header, check } = read(golden.get('none')!)
  expect(check).toBe('whole')
  expect(header.crcMatches()).toBe(true)
  expect(header).toMatchObject({
    sizeInBytes: 127,
    baseOffset: 42,
    lastOffset: 45,
    nextOffset: 46,
    leaderEpoch: 0,
    magic: 2,
    crc: 4195382962,
    attributes: 0,
    codecId: 0,
    isLogAppendTime: false,
    isTransactional: false,
    isControl: false,
    hasDeleteHorizon: false,
    baseTimestamp: T,
    maxTimestamp: T + 1000,
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    recordsCount: 4,
    recordsStart: 61,
    recordsEnd: 127,
  })
  expect(['gzip', 'snappy', 'lz4', 'zstd'].map(codec => read(golden.get(codec)!).header.codecId)).toEqual([1, 2, 3, 4])
})

test('reads the flags, the producer and the empty batch', () => {
  expect(read(golden.get('LAT')!).header).toMatchObject({ isLogAppendTime: true, leaderEpoch: 3, maxTimestamp: T + 77 })
  expect(read(golden.get('TXN')!).header).toMatchObject({
    isTransactional: true,
    isControl: false,
    producerId: 9001n,
    producerEpoch: 2,
    baseSequence: 7,
  })
  expect(read(golden.get('COMMIT')!).header).toMatchObject({ isTransactional: true, isControl: true, recordsCount: 1 })
  const empty = read(golden.get('EMPTY')!)
  expect(empty.check).toBe('whole')
  expect(empty.header).toMatchObject({ recordsCount: 0, baseOffset: 100, lastOffset: 104, baseTimestamp: -1 })
  expect(read(golden.get('NOTS')!).header).toMatchObject({ leaderEpoch: -1, baseTimestamp: -1, maxTimestamp: -1 })
  expect(read(withCrc(changed(21, '0040'))).header.hasDeleteHorizon).toBe(true)
})

test('reads entries of magic 0 and 1 as batches', () => {
  const old = read(golden.get('MAGIC0 none')!)
  expect(old.check).toBe('whole')
  expect(old.header.crcMatches()).toBe(true)
  expect(old.header).toMatchObject({ magic: 0, sizeInBytes: 38, baseOffset: 10, lastOffset: 10, recordsCount: 1 })
  expect(old.header).toMatchObject({
    maxTimestamp: -1,
    producerId: -1n,
    leaderEpoch: -1,
    recordsStart: 0,
    recordsEnd: 38,
  })
  const wrapper = read(golden.get('MAGIC1 gzip')!)
  expect(wrapper.header.crcMatches()).toBe(true)
  expect(wrapper.header).toMatchObject({ magic: 1, baseOffset: 11, lastOffset: 11, recordsCount: -1, codecId: 1 })
  expect(wrapper.header).toMatchObject({ maxTimestamp: T + 5, baseTimestamp: T + 5, isControl: false })
})

test('bits that only magic 2 knows mean nothing below it, bit 3 nothing for magic 0', () => {
  const set = { attributes: 0x78 }
  const flags = { isTransactional: false, isControl: false, hasDeleteHorizon: false }
  expect(read(rawMessage({ ...set, magic: 1 })).header).toMatchObject({ ...flags, isLogAppendTime: true })
  expect(read(rawMessage({ ...set, magic: 0 })).header).toMatchObject({ ...flags, isLogAppendTime: false })
})

test('is read in the middle of a block, and one object serves many', () => {
  const block = Buffer.concat([Buffer.from('junk'), golden.get('TXN')!, golden.get('MAGIC0 none')!, golden.get('LAT')!])
  const header = new BatchHeader()
  const found: unknown[] = []
  for (let at = 4; at < block.length; at += header.sizeInBytes) {
    expect(header.read(block, at, block.length)).toBe('whole')
    expect(header.crcMatches()).toBe(true)
    found.push([header.position, header.magic, header.producerId, header.leaderEpoch, header.baseSequence])
  }
  expect(found.slice(0, 2)).toEqual([
    [4, 2, 9001n, 1, 7],
    [97, 0, -1n, -1, -1],
  ])
  expect(found).toHaveLength(4)
})

test.each(['none', 'MAGIC0 none', 'MAGIC1 gzip'])('is incomplete at every cut of the golden batch %s', name => {
  const bytes = golden.get(name)!
  const size = read(bytes).header.sizeInBytes
  for (let cut = 0; cut < size; cut++) {
    // What stands behind the end is there and must not count.
    const { header, check } = read(bytes, 0, cut)
    expect(check).toBe('incomplete')
    expect(header.sizeInBytes).toBe(cut < 12 ? 0 : size)
  }
})

const faults: [BatchFault, string, Buffer, string][] = [
  ['length', 'zeros', Buffer.alloc(200), 'wrong batch length, expected at least 14, found 0'],
  ['length', 'a negative length', changed(8, 'ffffffff'), 'wrong batch length, expected at least 14, found -1'],
  ['length', 'one byte too few', changed(8, '00000030'), 'wrong batch length, expected at least 49, found 48'],
  ['length', 'magic 1 with the size of magic 0', changed(8, '00000015ffffffff01'), 'at least 22, found 21'],
  ['magic', 'magic 3', changed(16, '03'), 'wrong magic, expected 0 to 2, found 3'],
  ['magic', 'magic -1', changed(16, 'ff'), 'wrong magic, expected 0 to 2, found -1'],
  ['base-offset', 'base offset -1', changed(0, 'ffffffffffffffff'), 'wrong base offset, expected 0 to 2^53, found -1'],
  ['base-offset', 'base offset 2^53', changed(0, '0020000000000000'), 'found 9007199254740992'],
  ['base-offset', 'last offset 2^53', changed(0, '001fffffffffffff'), 'found 9007199254740991'],
  ['leader-epoch', 'epoch -2', changed(12, 'fffffffe'), 'wrong leader epoch, expected -1 or more, found -2'],
  ['codec', 'codec 5', changed(21, '0005'), 'wrong codec, expected 0 to 4, found 5'],
  ['codec', 'zstd in magic 1', rawMessage({ attributes: 4 }), 'wrong codec, expected 0 to 3, found 4'],
  [
    'last-offset-delta',
    'a delta of -1',
    changed(23, 'ffffffff'),
    'wrong last offset delta, expected 0 or more, found -1',
  ],
  ['records-count', 'a count of -1', changed(57, 'ffffffff'), 'wrong records count, expected 0 to 4, found -1'],
  ['records-count', 'a count of 5', changed(57, '00000005'), 'wrong records count, expected 0 to 4, found 5'],
]

test.each(faults)('tells the fault %s for %s', (fault, _what, bytes, description) => {
  const { header, check } = read(bytes)
  expect(check).toBe(fault)
  expect(header.describeFault(fault)).toContain(description)
})

test('tells a fault that can be seen rather than that bytes are missing', () => {
  const bytes = changed(8, '7fffffff0000000003')
  expect(read(bytes, 0, 17).check).toBe('magic')
  expect(read(bytes, 0, 16).check).toBe('incomplete')
  const { header, check } = read(changed(8, '7fffffff'))
  expect(check).toBe('incomplete')
  expect(header.sizeInBytes).toBe(12 + 0x7fffffff)
})

test('describes a CRC that does not match by both numbers', () => {
  const { header, check } = read(changed(17, '00000000'))
  expect(check).toBe('whole')
  expect(header.crcMatches()).toBe(false)
  expect(header.describeFault('crc')).toBe('CRC mismatch, expected 00000000, found fa1076b2')
})

test.each(['none', 'zstd', 'COMMIT', 'EMPTY', 'MAGIC0 none', 'MAGIC1 gzip'])(
  'a flipped bit anywhere in %s is seen, but for offset and epoch, which are outside the CRC',
  name => {
    const original = golden.get(name)!
    const size = read(original).header.sizeInBytes
    for (let bit = 0; bit < size * 8; bit++) {
      const bytes = Buffer.from(original.subarray(0, size))
      bytes[bit >> 3]! ^= 0x80 >> (bit & 7)
      const { header, check } = read(bytes)
      const isValid = check === 'whole' && header.crcMatches()
      const at = bit >> 3
      const isUnguarded = at < 8 || (header.magic === 2 && at >= 12 && at < 16)
      if (isValid) expect(isUnguarded, `bit ${bit}`).toBe(true)
    }
  },
)

test('a timestamp beyond 2^53 stops only those who ask for it', () => {
  const batch = withCrc(changed(27, '7fffffffffffffff'))
  const { header, check } = read(batch)
  expect(check).toBe('whole')
  expect(header.crcMatches()).toBe(true)
  expect(header.maxTimestamp).toBe(T + 1000)
  expect(() => header.baseTimestamp).toThrow(NumberTooLargeError)
})

test('the last offset of a wrapper is its own', () => {
  const wrapper = rawWrapper('gzip', [rawMessage({ offset: 0 }), rawMessage({ offset: 1 })], { offset: 7 })
  expect(read(wrapper).header).toMatchObject({ baseOffset: 7, lastOffset: 7, recordsCount: -1 })
})
