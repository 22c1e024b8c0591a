import { createRequire } from 'node:module'
import { CorruptRecordError } from '../../errors.ts'
import { Pieces, tooLargeWhenDecompressed } from './pieces.ts'

/**
 * The stream of snappy-java (xerial), not the official framing format:
 *
 *     0  82 53 4e 41 50 50 59 00   "\x82SNAPPY\0"
 *     8  version int32             1
 *    12  compatible version int32  1
 *    16  blocks: length int32, then so many bytes of a raw snappy block; all big-endian
 *
 * A raw block begins with its uncompressed length as a varint (not zig-zag): 45 = 69 bytes. Readers do not look at the
 * versions (old clients wrote 0/0), take blocks of any size, another header between two blocks (streams that were put one
 * behind the other; what begins like a header and is none ends the payload), up to three bytes at the end, and a payload
 * without the header as one raw block.
 */
const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const HEADER = Buffer.concat([MAGIC, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])])
/** What a block's length reads as where another header begins. */
const MAGIC_AS_LENGTH = MAGIC.readInt32BE(0)
/** What snappy-java cuts its input into. */
const BLOCK_SIZE = 32 * 1024
/** A copy element of 3 bytes makes 64, so no block grows more than this. */
const MOST_EXPANSION = 22

interface Snappy {
  compressSync(bytes: Buffer): Buffer
  uncompressSync(bytes: Buffer): Buffer
}

let library: Snappy | undefined

/** Native, loaded at the first use. */
function snappy(): Snappy {
  library ??= createRequire(import.meta.url)('snappy') as Snappy
  return library
}

export function compressSnappy(bytes: Buffer): Buffer {
  const parts: Buffer[] = [HEADER]
  for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
    const block = snappy().compressSync(bytes.subarray(at, at + BLOCK_SIZE))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

export function decompressSnappy(bytes: Buffer, limit: number): Buffer {
  const pieces = new Pieces(limit)
  if (!isHeader(bytes, 0)) {
    addBlock(pieces, bytes, 0, bytes.length)
    return pieces.join()
  }
  let at = HEADER.length
  while (bytes.length - at >= 4) {
    const length = bytes.readInt32BE(at)
    if (length === MAGIC_AS_LENGTH) {
      if (!isHeader(bytes, at)) break
      at += HEADER.length
      continue
    }
    const start = at + 4
    if (length < 0 || length > bytes.length - start) {
      const left = bytes.length - start
      throw new CorruptRecordError(`snappy block of ${length} bytes where ${left} are left`, { position: at })
    }
    addBlock(pieces, bytes, start, start + length)
    at = start + length
  }
  return pieces.join()
}

function isHeader(bytes: Buffer, at: number): boolean {
  return bytes.length - at >= HEADER.length && bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) === 0
}

function addBlock(pieces: Pieces, bytes: Buffer, start: number, end: number): void {
  // The library allocates what the block claims before it looks at the block.
  const claimed = uncompressedLength(bytes, start, end)
  if (claimed < 0 || claimed > (end - start) * MOST_EXPANSION) {
    throw new CorruptRecordError('invalid snappy block: wrong uncompressed length', { position: start })
  }
  if (claimed > pieces.room) throw tooLargeWhenDecompressed(pieces.limit)
  try {
    pieces.add(snappy().uncompressSync(bytes.subarray(start, end)))
  } catch (error) {
    const { message } = error as Error
    throw new CorruptRecordError(`invalid snappy block: ${message}`, { position: start, cause: error })
  }
}

/** -1 if it does not end within five bytes or the block, or is no uint32. */
function uncompressedLength(bytes: Buffer, start: number, end: number): number {
  let value = 0
  for (let group = 0; group < 5 && start + group < end; group++) {
    const byte = bytes[start + group]!
    value += (byte & 0x7f) * 2 ** (7 * group)
    if (byte < 0x80) return value < 2 ** 32 ? value : -1
  }
  return -1
}
