import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c, crc32cReference } from '../../../src/log/record/crc32c.ts'
import { seed } from '../../helpers/seed.ts'

const implementations = [
  ['native', crc32c],
  ['reference', crc32cReference],
] as const

const rising = Buffer.from(Array.from({ length: 32 }, (_, n) => n))
const iscsiRead = '01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000'

/** From RFC 3720, B.4, but for the first two. */
const vectors: [string, Buffer, number][] = [
  ['nothing', Buffer.alloc(0), 0],
  ['the digits 1 to 9', Buffer.from('123456789'), 0xe3069283],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['32 rising bytes', rising, 0x46dd794e],
  ['32 falling bytes', Buffer.from(rising).reverse(), 0x113fdb5c],
  ['an iSCSI read command', Buffer.from(iscsiRead, 'hex'), 0xd9963a56],
]

describe.each(implementations)('%s CRC-32C', (_name, crc) => {
  test.each(vectors)('of %s', (_what, bytes, expected) => {
    expect(crc(bytes, 0, bytes.length)).toBe(expected)
    expect(crc(bytes)).toBe(expected)
  })

  test('of a part of the bytes', () => {
    const bytes = Buffer.from('xx123456789yyy')
    expect(crc(bytes, 2, 11)).toBe(0xe3069283)
    expect(crc(bytes.subarray(1), 1, 10)).toBe(0xe3069283)
    expect(crc(bytes, 5, 5)).toBe(0)
  })
})

test(`both give the same for any bytes (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), array => {
      const bytes = Buffer.from(array)
      expect(crc32c(bytes)).toBe(crc32cReference(bytes))
    }),
    { seed, numRuns: 300 },
  )
})
