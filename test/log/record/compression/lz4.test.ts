import { expect, test } from 'vitest'
import { TooLargeWhenDecompressedError } from '../../../../src/log/errors.ts'
import { compressLz4, decompressLz4 } from '../../../../src/log/record/compression/lz4.ts'
import { xxhash32 } from '../../../../src/log/record/compression/xxhash32.ts'

const LIMIT = 10_000_000
const text = Buffer.from('text text text text text text text text')
const written = compressLz4(text)
/** One block with its size in front. */
const blocks = written.subarray(7, -4)
const END = Buffer.alloc(4)

interface FrameParts {
  flg?: number
  bd?: number
  contentSize?: boolean
  headerChecksum?: number
  content?: Buffer
}

function frame({ flg = 0x60, bd = 0x40, contentSize = false, headerChecksum, content }: FrameParts): Buffer {
  // A content size that is wrong on purpose: nobody looks at it.
  const descriptor = Buffer.from([flg, bd, ...(contentSize ? [9, 9, 9, 9, 9, 9, 9, 9] : [])])
  const checksum = headerChecksum ?? (xxhash32(descriptor, 0, descriptor.length) >>> 8) & 0xff
  const header = Buffer.concat([Buffer.from('04224d18', 'hex'), descriptor, Buffer.from([checksum])])
  return Buffer.concat([header, content ?? Buffer.concat([blocks, END])])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function block(content: Buffer): Buffer {
  return Buffer.concat([uint32(content.length), content])
}

const stored = (content: Buffer) => Buffer.concat([uint32(content.length + 2 ** 31), content])
const blockChecksum = uint32(xxhash32(blocks, 4, blocks.length))
const read = (bytes: Buffer, magic = 2) => decompressLz4(bytes, LIMIT, magic).toString()

test('writes the header that Kafka writes, independent blocks and the end mark', () => {
  expect(written.subarray(0, 7).toString('hex')).toBe('04224d18604082')
  expect(written.readUInt32LE(7)).toBe(written.length - 15)
  expect(written.subarray(-4).equals(END)).toBe(true)
  expect(compressLz4(Buffer.alloc(0)).toString('hex')).toBe('04224d1860408200000000')
})

test('stores a block that would not become smaller', () => {
  expect(compressLz4(Buffer.from('abc')).subarray(7).toString('hex')).toBe('0300008061626300000000')
})

test.each([
  ['a content size', frame({ flg: 0x68, contentSize: true })],
  ['a content checksum, which nobody compares', Buffer.concat([frame({ flg: 0x64 }), Buffer.from('junk')])],
  ['a block checksum', frame({ flg: 0x70, content: Buffer.concat([blocks, blockChecksum, END]) })],
  ['blocks of 256 KiB', frame({ bd: 0x50 })],
  ['blocks of 1 MiB', frame({ bd: 0x60 })],
  ['blocks of 4 MiB', frame({ bd: 0x70 })],
  ['a stored block', frame({ content: Buffer.concat([stored(text), END]) })],
  ['an empty block', frame({ content: Buffer.concat([block(Buffer.from([0])), blocks, END]) })],
  ['an end mark that says stored', frame({ content: Buffer.concat([blocks, uint32(2 ** 31)]) })],
  ['junk behind the frame', Buffer.concat([written, Buffer.from('junk')])],
  ['another frame behind the first, which is not read', Buffer.concat([written, written])],
])('reads a frame with %s', (_, bytes) => {
  expect(read(bytes)).toBe(text.toString())
})

test.each([
  ['another magic', Buffer.concat([Buffer.from('02214c18', 'hex'), written.subarray(4)]), 'not an lz4 frame', 0],
  ['dependent blocks', frame({ flg: 0x40 }), 'blocks that depend on each other', 4],
  ['a dictionary', frame({ flg: 0x61 }), 'dictionary', 4],
  ['a reserved flag', frame({ flg: 0x62 }), 'reserved', 4],
  ['version 0', frame({ flg: 0x20 }), 'version 0', 4],
  ['version 2', frame({ flg: 0xa0 }), 'version 2', 4],
  ['blocks of an unknown size', frame({ bd: 0x30 }), 'block size', 5],
  ['reserved bits below the block size', frame({ bd: 0x41 }), 'block size', 5],
  ['a reserved bit above the block size', frame({ bd: 0xc0 }), 'block size', 5],
  ['a wrong header checksum', frame({ headerChecksum: 0x1a }), 'header checksum', 6],
  ['a wrong block checksum', frame({ flg: 0x70, content: Buffer.concat([blocks, END, END]) }), 'block checksum', 11],
  ['a block above the largest', frame({ content: block(Buffer.alloc(65537)) }), '65536 are the most', 7],
  ['a stored block above the largest', frame({ content: stored(Buffer.alloc(65537)) }), '65536 are the most', 7],
  ['a block beyond the end', frame({ content: uint32(100) }), 'cut off', 7],
  ['no end mark', written.subarray(0, -4), 'cut off', written.length - 4],
  ['no content checksum though it says so', frame({ flg: 0x64 }), 'cut off', written.length],
  [
    'a match in front of the block',
    frame({ content: block(Buffer.from('104109001042', 'hex')) }),
    'invalid lz4 block',
    11,
  ],
  ['a match of distance 0', frame({ content: block(Buffer.from('104100001042', 'hex')) }), 'invalid lz4 block', 11],
  ['a sequence that is cut off', frame({ content: block(Buffer.from([0xf0])) }), 'invalid lz4 block', 11],
  ['a literal that is cut off', frame({ content: block(Buffer.from([0x50, 0x41])) }), 'invalid lz4 block', 11],
])('refuses a frame with %s', (_, bytes, message, position) => {
  expect(() => read(bytes)).toThrow(message)
  expect(() => read(bytes)).toThrow(expect.objectContaining({ name: 'CorruptRecordError', position }))
})

test('does not look at the header checksum in a message set of magic 0 (KAFKA-3160)', () => {
  // 1a is what old clients wrote: the checksum of the magic bytes too.
  expect(read(frame({ headerChecksum: 0x1a }), 0)).toBe(text.toString())
  expect(() => read(frame({ headerChecksum: 0x1a }), 1)).toThrow('header checksum')
})

/** One byte and a match that repeats it: 19 + 255 × `extensions` + `last` bytes, five literals behind it. */
function runOf(extensions: number, last: number): Buffer {
  const lengths = Buffer.alloc(extensions, 255)
  const start = Buffer.from([0x1f, 0x41, 1, 0])
  return block(Buffer.concat([start, lengths, Buffer.from([last, 0x50]), Buffer.from('AAAAA')]))
}

test('refuses a block that becomes larger than the frame allows', () => {
  // 1 + 19 + 255 × 256 + 231 + 5 = 65536 is the most.
  const most = frame({ content: Buffer.concat([runOf(256, 231), END]) })
  expect(decompressLz4(most, LIMIT, 2).equals(Buffer.alloc(65536, 'A'))).toBe(true)
  expect(() => read(frame({ content: Buffer.concat([runOf(256, 232), END]) }))).toThrow('invalid lz4 block')
})

test('tells a block beyond the limit from a broken one', () => {
  const twice = frame({ content: Buffer.concat([runOf(256, 231), runOf(256, 231), END]) })
  expect(decompressLz4(twice, 131_072, 2).length).toBe(131_072)
  for (const limit of [131_071, 65_536, 65_535, 1, 0]) {
    expect(() => decompressLz4(twice, limit, 2)).toThrow(TooLargeWhenDecompressedError)
  }
  const broken = frame({ content: Buffer.concat([runOf(256, 231).fill(0, 6, 8), END]) })
  expect(() => decompressLz4(broken, 65_536, 2)).toThrow('invalid lz4 block')
})
