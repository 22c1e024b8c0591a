import { constants, deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { TooLargeWhenDecompressedError } from '../../../../src/log/errors.ts'
import { DEFAULT_DECOMPRESSED_LIMIT, decompress } from '../../../../src/log/record/compression/index.ts'

/** Payloads of 4 GiB and more in a few MiB; snappy, which never grows more than 21 times, 96 MiB. */
const repeated = (piece: Buffer, times: number) => Array.from({ length: times }, () => piece)

const bombs = {
  gzip: () => {
    // A deflate block that is not the last one, so that it can be put behind itself.
    const block = deflateRawSync(Buffer.alloc(2 ** 26), { finishFlush: constants.Z_FULL_FLUSH })
    return Buffer.concat([Buffer.from('1f8b08000000000000ff', 'hex'), ...repeated(block, 64)])
  },
  snappy: () => {
    // 96 MiB + 1: a literal byte, then copies of 64 bytes.
    const start = Buffer.from('82534e4150505900000000010000000100480006818080300041', 'hex')
    return Buffer.concat([start, ...repeated(Buffer.from([0xfe, 1, 0]), 96 * 2 ** 14)])
  },
  lz4: () => {
    // Blocks of nearly 4 MiB: a byte, repeated, and the five literals that a block ends with.
    const block = Buffer.alloc(16_440, 255)
    block.set([0x1f, 0x41, 1, 0])
    block.set([0, 0x50, 0x41, 0x41, 0x41, 0x41, 0x41], block.length - 7)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(block.length)
    return Buffer.concat([
      Buffer.from('04224d186070', 'hex'),
      Buffer.from([0x73]),
      ...repeated(Buffer.concat([size, block]), 1024),
    ])
  },
  zstd: () => {
    // Blocks of 128 KiB in four bytes: run-length, its size, the byte; the last one says so.
    const blocks = repeated(Buffer.from([0x02, 0, 0x10, 0]), 32_768)
    return Buffer.concat([Buffer.from('28b52ffd0058', 'hex'), ...blocks, Buffer.from([0x03, 0, 0x10, 0])])
  },
}

test.each(Object.keys(bombs) as (keyof typeof bombs)[])('stops a %s bomb at the limit', codec => {
  const bomb = bombs[codec]()
  const before = process.resourceUsage().maxRSS
  for (const limit of [1000, 1_000_000, DEFAULT_DECOMPRESSED_LIMIT]) {
    expect(() => decompress(codec, bomb, { limit })).toThrow(TooLargeWhenDecompressedError)
  }
  // Kibibytes. The pieces up to the limit, and what the collector has not yet taken of the runs before.
  const grown = (process.resourceUsage().maxRSS - before) * 1024
  expect(grown).toBeLessThan(3 * DEFAULT_DECOMPRESSED_LIMIT)
})
