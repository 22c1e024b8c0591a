import { createRequire } from 'node:module'
import { CorruptRecordError } from '../../errors.ts'
import { Pieces, tooLargeWhenDecompressed } from './pieces.ts'
import { xxhash32 } from './xxhash32.ts'

/**
 * The LZ4 frame format v1.5.1 as Kafka's Lz4BlockInputStream reads it; all integers little-endian:
 *
 *     0  04 22 4d 18
 *     4  FLG    bits 7-6 version 01, 5 blocks are independent, 4 block checksums, 3 content size, 2 content checksum,
 *               1 reserved, 0 dictionary
 *     5  BD     bits 6-4 largest block: 4 is 64 KiB, 5 256 KiB, 6 1 MiB, 7 4 MiB; the others 0
 *     6  content size uint64, if FLG says so
 *        HC     second byte of the XXH32 of FLG to here
 *        blocks: size uint32 (bit 31: stored as it is), so many bytes, XXH32 of them if FLG says so
 *        00000000, the end, and the content's XXH32 if FLG says so
 *
 * `04 22 4d 18 60 40 82` is the header that Kafka writes. Only the first frame is read and whatever follows is left
 * alone; the content's size and checksum are not compared (Kafka does not); dictionaries and blocks that depend on each
 * other are refused. For magic 0 old clients took HC over the four magic bytes too (1a instead of 82, KAFKA-3160), and
 * nobody checks it there.
 */
const MAGIC = 0x184d2204
const FLG = 4
const BD = FLG + 1
const BEHIND_BD = BD + 1
const VERSION_MASK = 0xc0
const VERSION_1 = 0x40
const INDEPENDENT = 0x20
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const RESERVED_AND_DICTIONARY = 0x03
const STORED = 0x8000_0000
const SMALLEST_BLOCK_ID = 4
const SMALLEST_BLOCK_SIZE = 64 * 1024
/** A length byte of 255 adds 255 bytes of output, so no block grows more than this. */
const MOST_EXPANSION = 256

const WRITTEN_FLG = VERSION_1 | INDEPENDENT
const WRITTEN_BD = SMALLEST_BLOCK_ID << 4

interface Lz4 {
  compressSync(bytes: Buffer): Buffer
  uncompressSync(bytes: Buffer): Buffer
}

let library: Lz4 | undefined

/** Native, loaded at the first use. Its blocks have their uncompressed size as a uint32 in front. */
function lz4(): Lz4 {
  library ??= createRequire(import.meta.url)('lz4-napi') as Lz4
  return library
}

const SIZE_IN_FRONT = 4
/** Reused for that size and a block; blocks of more than 64 KiB get a buffer of their own. */
let scratch: Buffer | undefined

export function compressLz4(bytes: Buffer): Buffer {
  const header = Buffer.from([0, 0, 0, 0, WRITTEN_FLG, WRITTEN_BD, 0])
  header.writeUInt32LE(MAGIC)
  header[BEHIND_BD] = headerChecksum(header, BEHIND_BD)
  const parts: Buffer[] = [header]
  for (let at = 0; at < bytes.length; at += SMALLEST_BLOCK_SIZE) {
    const raw = bytes.subarray(at, at + SMALLEST_BLOCK_SIZE)
    const block = lz4().compressSync(raw).subarray(SIZE_IN_FRONT)
    const size = Buffer.allocUnsafe(4)
    const stored = block.length >= raw.length
    size.writeUInt32LE(stored ? raw.length + STORED : block.length)
    parts.push(size, stored ? raw : block)
  }
  parts.push(Buffer.alloc(4))
  return Buffer.concat(parts)
}

export function decompressLz4(bytes: Buffer, limit: number, magic: number): Buffer {
  let at = readHeader(bytes, magic)
  const flags = bytes[FLG]!
  const largestBlock = SMALLEST_BLOCK_SIZE << (2 * ((bytes[BD]! >> 4) - SMALLEST_BLOCK_ID))
  const pieces = new Pieces(limit)
  for (;;) {
    const sizeField = uint32At(bytes, at)
    const stored = sizeField >= STORED
    const size = stored ? sizeField - STORED : sizeField
    if (size === 0) break
    const start = at + 4
    const end = start + size
    if (size > largestBlock) {
      throw new CorruptRecordError(`lz4 block of ${size} bytes where ${largestBlock} are the most`, { position: at })
    }
    if (end > bytes.length) throw cutOff(at)
    at = end
    if ((flags & BLOCK_CHECKSUM) !== 0) {
      if (uint32At(bytes, end) !== xxhash32(bytes, start, end)) {
        throw new CorruptRecordError('lz4 block checksum mismatch', { position: start })
      }
      at = end + 4
    }
    pieces.add(stored ? bytes.subarray(start, end) : uncompressBlock(pieces, bytes, start, end, largestBlock))
  }
  if ((flags & CONTENT_CHECKSUM) !== 0) uint32At(bytes, at + 4)
  return pieces.join()
}

/** Checks the frame's header and returns the position behind it. */
function readHeader(bytes: Buffer, magic: number): number {
  const fail = (message: string, position: number) => new CorruptRecordError(message, { position })
  if (bytes.length <= BEHIND_BD) throw cutOff(0)
  if (bytes.readUInt32LE(0) !== MAGIC) throw fail('not an lz4 frame', 0)
  const flags = bytes[FLG]!
  if ((flags & RESERVED_AND_DICTIONARY) !== 0) throw fail('lz4 frame with a dictionary or a reserved flag', FLG)
  if ((flags & INDEPENDENT) === 0) throw fail('lz4 frame with blocks that depend on each other', FLG)
  if ((flags & VERSION_MASK) !== VERSION_1) throw fail(`lz4 frame of version ${flags >> 6}, expected 1`, FLG)
  const blockSize = bytes[BD]!
  if ((blockSize & 0x8f) !== 0 || blockSize >> 4 < SMALLEST_BLOCK_ID) throw fail('invalid lz4 block size', BD)
  const checksumAt = BEHIND_BD + ((flags & CONTENT_SIZE) === 0 ? 0 : 8)
  if (checksumAt >= bytes.length) throw cutOff(0)
  if (magic > 0 && bytes[checksumAt] !== headerChecksum(bytes, checksumAt)) {
    throw fail('lz4 header checksum mismatch', checksumAt)
  }
  return checksumAt + 1
}

function headerChecksum(bytes: Buffer, end: number): number {
  return (xxhash32(bytes, FLG, end) >>> 8) & 0xff
}

function uint32At(bytes: Buffer, at: number): number {
  if (bytes.length - at < 4) throw cutOff(at)
  return bytes.readUInt32LE(at)
}

function cutOff(position: number): CorruptRecordError {
  return new CorruptRecordError('lz4 frame is cut off', { position })
}

function uncompressBlock(pieces: Pieces, bytes: Buffer, start: number, end: number, largestBlock: number): Buffer {
  const most = Math.min(largestBlock, (end - start) * MOST_EXPANSION, pieces.room)
  const size = SIZE_IN_FRONT + end - start
  scratch ??= Buffer.allocUnsafe(SIZE_IN_FRONT + SMALLEST_BLOCK_SIZE)
  const input = size <= scratch.length ? scratch : Buffer.allocUnsafe(size)
  input.writeUInt32LE(most)
  bytes.copy(input, SIZE_IN_FRONT, start, end)
  try {
    return lz4().uncompressSync(input.subarray(0, size))
  } catch (error) {
    // The library says the same of a block that does not fit and of a broken one; the lengths in it tell.
    const length = uncompressedSize(bytes, start, end)
    if (length > pieces.room && length <= largestBlock) throw tooLargeWhenDecompressed(pieces.limit)
    const { message } = error as Error
    throw new CorruptRecordError(`invalid lz4 block: ${message}`, { position: start, cause: error })
  }
}

/**
 * What a raw block becomes, without making it; -1 if its sequences do not end where it ends. A sequence is a token (high
 * half: literals, low half: match length - 4; 15 says that bytes follow which add to it, up to one below 255), the
 * literals and the match's distance in two bytes, which the last sequence lacks.
 */
function uncompressedSize(bytes: Buffer, start: number, end: number): number {
  let size = 0
  let at = start
  while (at < end) {
    const token = bytes[at++]!
    let literals = token >> 4
    if (literals === 15) {
      do literals += bytes[at] ?? 0
      while (bytes[at++] === 255)
    }
    at += literals
    size += literals
    if (at === end) return size
    let match = 4 + (token & 15)
    at += 2
    if (match === 19) {
      do match += bytes[at] ?? 0
      while (bytes[at++] === 255)
    }
    size += match
  }
  return -1
}
