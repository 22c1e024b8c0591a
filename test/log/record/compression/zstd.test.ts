import { constants, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { compressZstd, decompressZstd } from '../../../../src/log/record/compression/zstd.ts'

const LIMIT = 1_000_000
const frame = compressZstd(Buffer.from('one '))
const second = compressZstd(Buffer.from('two'))
const read = (...parts: Buffer[]) => decompressZstd(Buffer.concat(parts), LIMIT).toString()
const skippable = Buffer.from('502a4d180300000001020304', 'hex').subarray(0, 11)

/** A frame without a content size whose one raw block is "abc"; 0x58 is a window of 2 MiB. */
function rawFrame(window: number, descriptor = 0): Buffer {
  return Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor, window, 0x19, 0, 0, 0x61, 0x62, 0x63])
}

test('reads the frames that Kafka writes: no content size, no checksum, an empty block at the end', () => {
  expect(read(Buffer.from('28b52ffd0058180000616263010000', 'hex'))).toBe('abc')
})

test('reads frames with a checksum and checks it', () => {
  const checked = zstdCompressSync(Buffer.from('text'), { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  expect(read(checked)).toBe('text')
  checked[checked.length - 1]! ^= 1
  expect(() => read(checked)).toThrow('invalid zstd frame')
})

test('reads several frames, and skippable ones between them', () => {
  expect(read(frame, second)).toBe('one two')
  expect(read(skippable, frame, skippable, second, skippable)).toBe('one two')
  expect(read(...Array.from({ length: 1000 }, () => second))).toBe('two'.repeat(1000))
})

test('reads a window of 2^27 bytes and refuses a larger one', () => {
  expect(read(rawFrame(0x58))).toBe('abc')
  expect(read(rawFrame(0x88))).toBe('abc')
  for (const window of [0x89, 0x90, 0xf8]) expect(() => read(rawFrame(window))).toThrow('too much memory')
})

test.each([
  ['nothing at all', Buffer.alloc(0), 0],
  ['something else', Buffer.from('something else'), 0],
  ['a zero byte behind the frame', Buffer.concat([frame, Buffer.alloc(1)]), frame.length],
  ['junk behind the frame', Buffer.concat([frame, Buffer.from('junk')]), frame.length],
  ['a frame that is cut off behind the first', Buffer.concat([frame, second.subarray(0, -1)]), frame.length],
  ['a skippable frame that is cut off', Buffer.concat([frame, skippable.subarray(0, -1)]), frame.length],
  ['a skippable frame without a length', Buffer.concat([frame, skippable.subarray(0, 6)]), frame.length],
  ['a frame with a dictionary', Buffer.from('28b52ffd015807190000616263', 'hex'), 0],
  ['a reserved bit', rawFrame(0x58, 0x08), 0],
  ['a wrong content size', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 9, 0x19, 0, 0, 0x61, 0x62, 0x63]), 0],
  ['a block of the reserved type', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0x1f, 0, 0, 0x61, 0x62, 0x63]), 0],
])('refuses %s', (_, bytes, position) => {
  expect(() => decompressZstd(bytes, LIMIT)).toThrow(expect.objectContaining({ name: 'CorruptRecordError', position }))
})

test('calls a frame of each header cut off wherever it is', () => {
  const text = Buffer.from('text '.repeat(100_000))
  const params = { [constants.ZSTD_c_checksumFlag]: 1 }
  const frames = [text.subarray(0, 5), text.subarray(0, 500), text].map(bytes => zstdCompressSync(bytes, { params }))
  for (const bytes of [...frames, rawFrame(0x58), skippable]) {
    expect(() => decompressZstd(bytes, LIMIT)).not.toThrow()
    for (let length = 0; length < bytes.length; length++) {
      const message = length < 5 ? /cut off/ : 'zstd frame is cut off'
      expect(() => decompressZstd(bytes.subarray(0, length), LIMIT), `${length}`).toThrow(message)
    }
  }
})
