import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { CorruptRecordError, TooLargeWhenDecompressedError } from '../../../../src/log/errors.ts'
import { type Codec, codecs, compress, decompress } from '../../../../src/log/record/compression/index.ts'

const framed = codecs.filter(codec => codec !== 'none')

/** Sizes around the blocks that writers cut (32 KiB snappy, 64 KiB lz4), of bytes that compress well and not at all. */
const payloads = [0, 1, 15, 16, 17, 100, 32767, 32768, 32769, 65535, 65536, 65537, 300_000].flatMap(size => [
  Buffer.alloc(size, 'a line of text\n'),
  randomBytes(size),
])

test('lists the codecs in the order of the attribute bits', () => {
  expect(codecs).toEqual(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
})

test.each(codecs)('gives back what was compressed with %s', codec => {
  for (const payload of payloads) {
    const found = decompress(codec, compress(codec, payload))
    expect(found.equals(payload), `${payload.length} bytes`).toBe(true)
  }
})

test.each(codecs)('leaves the bytes given to %s as they are', codec => {
  const payload = Buffer.alloc(100_000, 'some bytes to keep')
  const compressed = compress(codec, payload)
  const before = Buffer.from(compressed)
  decompress(codec, compressed)
  expect(payload.equals(Buffer.alloc(100_000, 'some bytes to keep'))).toBe(true)
  expect(compressed.equals(before)).toBe(true)
})

test.each(framed)('makes text smaller with %s', codec => {
  expect(compress(codec, Buffer.alloc(100_000, 'a line of text\n')).length).toBeLessThan(10_000)
})

test.each(framed)('stops %s exactly at the limit', codec => {
  for (const size of [1, 100, 70_000, 300_000]) {
    for (const payload of [Buffer.alloc(size, 'text '), randomBytes(size)]) {
      const compressed = compress(codec, payload)
      expect(decompress(codec, compressed, { limit: size }).length).toBe(size)
      const limits = [size - 1, Math.floor(size / 2), 0]
      for (const limit of limits) {
        expect(() => decompress(codec, compressed, { limit })).toThrow(TooLargeWhenDecompressedError)
      }
    }
  }
})

/** Snappy has no end mark: without whole blocks it is a shorter stream, which only the count of records tells. */
const isShorterStream = (codec: Codec, length: number) => codec === 'snappy' && length >= 16 && length < 20

test.each(framed)('calls %s damaged wherever it is cut off', codec => {
  const payload = randomBytes(300)
  const compressed = compress(codec, payload)
  for (let length = 0; length < compressed.length; length++) {
    if (isShorterStream(codec, length)) continue
    const cut = () => decompress(codec, compressed.subarray(0, length))
    expect(cut, `the first ${length} bytes`).toThrow(CorruptRecordError)
  }
})

test('takes no zstd in a message set of magic 0 or 1', () => {
  const compressed = compress('zstd', Buffer.from('text'))
  expect(() => decompress('zstd', compressed, { magic: 1 })).toThrow('zstd is not allowed in a message set of magic 1')
})
