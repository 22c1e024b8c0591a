import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { TooLargeWhenDecompressedError } from '../../../../src/log/errors.ts'
import { compressSnappy, decompressSnappy } from '../../../../src/log/record/compression/snappy.ts'

const LIMIT = 1_000_000
const library = createRequire(import.meta.url)('snappy') as { compressSync(bytes: Buffer): Buffer }
const header = Buffer.from('82534e41505059000000000100000001', 'hex')
const stream = compressSnappy(Buffer.from('some text'))
const read = (...parts: Buffer[]) => decompressSnappy(Buffer.concat(parts), LIMIT).toString()

function block(content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(content.length)
  return Buffer.concat([length, content])
}

function headerOfVersion(version: number): Buffer {
  const bytes = Buffer.from(header)
  bytes.writeInt32BE(version, 8)
  bytes.writeInt32BE(version, 12)
  return bytes
}

test('writes the header of snappy-java and blocks of 32 KiB', () => {
  const written = compressSnappy(Buffer.alloc(32768 + 100))
  expect(written.subarray(0, 16).toString('hex')).toBe(header.toString('hex'))
  const first = written.readInt32BE(16)
  // The varint in front of a raw block: 32768 and 100.
  expect(written.subarray(20, 23).toString('hex')).toBe('808002')
  expect(written[20 + first + 4]).toBe(100)
  expect(20 + first + 4 + written.readInt32BE(20 + first)).toBe(written.length)
})

test('writes nothing but the header for an empty payload', () => {
  expect(compressSnappy(Buffer.alloc(0)).equals(header)).toBe(true)
  expect(read(header)).toBe('')
})

test('does not look at the versions in the header', () => {
  for (const version of [0, 1, 9, -1]) expect(read(headerOfVersion(version), stream.subarray(16))).toBe('some text')
})

test('reads blocks of more than 32 KiB and empty ones', () => {
  const large = Buffer.alloc(200_000, 'text ')
  const bytes = Buffer.concat([header, block(Buffer.from([0])), block(library.compressSync(large))])
  expect(decompressSnappy(bytes, LIMIT).equals(large)).toBe(true)
})

test('reads a payload without a header as one raw block', () => {
  expect(read(library.compressSync(Buffer.from('x')))).toBe('x')
  expect(read(library.compressSync(Buffer.from('longer than a header would be')))).toBe('longer than a header would be')
})

test('reads streams that were put one behind the other', () => {
  expect(read(stream, stream)).toBe('some textsome text')
  expect(read(stream, headerOfVersion(1), stream)).toBe('some textsome text')
})

test('ignores up to three bytes at the end, and what follows a second header that is none', () => {
  for (let length = 1; length <= 3; length++) expect(read(stream, Buffer.alloc(length, 7))).toBe('some text')
  expect(read(stream, Buffer.from('82534e41ffffffff00000000', 'hex'))).toBe('some text')
})

test.each([
  ['nothing at all', Buffer.alloc(0), 0],
  ['four zero bytes at the end', Buffer.concat([stream, Buffer.alloc(4)]), stream.length + 4],
  ['a block longer than what is left', Buffer.concat([header, block(Buffer.alloc(9)).subarray(0, 12)]), 16],
  ['a block of negative length', Buffer.concat([header, Buffer.from('fffffff000000000', 'hex')]), 16],
  ['a block of the largest length', Buffer.concat([header, Buffer.from('7fffffff00000000', 'hex')]), 16],
  ['a block that is no snappy', Buffer.concat([header, block(Buffer.from([5, 0xff, 0xff]))]), 20],
  ['a length without an end', Buffer.concat([header, block(Buffer.alloc(6, 0xff))]), 20],
  ['a length above 2^32', Buffer.concat([header, block(Buffer.from('ffffffff1f', 'hex'))]), 20],
  ['a block shorter than it claims', Buffer.concat([header, block(Buffer.from([3, 4, 0x61, 0x62]))]), 20],
  ['a block longer than it claims', Buffer.concat([header, block(Buffer.from([1, 4, 0x61, 0x62]))]), 20],
])('refuses %s', (_, bytes, position) => {
  expect(() => decompressSnappy(bytes, LIMIT)).toThrow(
    expect.objectContaining({ name: 'CorruptRecordError', position }),
  )
})

test('believes no claimed length that a block of its size could not hold', () => {
  // 2^32 - 1 bytes in a block of 7: the library would allocate them first.
  const liar = Buffer.concat([header, block(Buffer.from('ffffffff0f0041', 'hex'))])
  expect(() => decompressSnappy(liar, 2 ** 33)).toThrow('wrong uncompressed length')
})

test('measures a claimed length that is possible against the limit before anything is allocated', () => {
  const copies = Buffer.alloc(3 * 1000)
  for (let at = 0; at < copies.length; at += 3) copies.set([0xfe, 1, 0], at)
  // 64001 bytes: a literal byte, then 1000 copies of 64.
  const dense = Buffer.concat([header, block(Buffer.concat([Buffer.from('81f4030041', 'hex'), copies]))])
  expect(decompressSnappy(dense, 64_001).equals(Buffer.alloc(64_001, 'A'))).toBe(true)
  expect(() => decompressSnappy(dense, 64_000)).toThrow(TooLargeWhenDecompressedError)
})
