import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { CorruptRecordError } from '../../errors.ts'
import { Pieces } from './pieces.ts'
import { inflateInto } from './zlib-pieces.ts'

/**
 * Plain zstd frames (RFC 8878), one after the other to the last byte; all integers little-endian:
 *
 *     0  28 b5 2f fd
 *     4  descriptor    bits 7-6 size of the content size, 5 single segment, 3 reserved, 2 checksum, 1-0 size of the
 *                      dictionary's id
 *     5  window (not in a single segment), dictionary id, content size: as the descriptor says
 *        blocks: 3 bytes (bit 0 last, bits 2-1 raw, run-length, compressed or reserved, then the size), content
 *        checksum uint32, if the descriptor says so
 *
 * `28 b5 2f fd 00 58` is what Kafka's frames begin with: no content size, a window of 2 MiB. `5? 2a 4d 18` and a length
 * begin a frame to be skipped. Junk behind the frames is refused, as are windows above 2^27 bytes (the library's own
 * limit, in Kafka too; `zstd --long=31` makes such).
 *
 * The blocks are walked before they are decompressed, because Node 22 takes a frame that is cut off for its end.
 */
const MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SKIPPABLE_MASK = 0xfffffff0
const DESCRIPTOR = 4
const SINGLE_SEGMENT = 0x20
const CHECKSUM = 0x04
const DICTIONARY_ID_SIZES = [0, 1, 2, 4]
const CONTENT_SIZE_SIZES = [0, 2, 4, 8]
const BLOCK_HEADER_SIZE = 3
const RUN_LENGTH_BLOCK = 1

export function compressZstd(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes)
}

export function decompressZstd(bytes: Buffer, limit: number): Buffer {
  let end = 0
  do end = frameEnd(bytes, end)
  while (end < bytes.length)
  const pieces = new Pieces(limit)
  let at = 0
  do {
    const next = inflateInto(pieces, zstdDecompressSync, bytes, at, 'zstd frame')
    if (next === at) throw new CorruptRecordError('invalid zstd frame', { position: at })
    at = next
  } while (at < bytes.length)
  return pieces.join()
}

/** Where the frame at `start` ends, by its own lengths. */
function frameEnd(bytes: Buffer, start: number): number {
  const cutOff = () => new CorruptRecordError('zstd frame is cut off', { position: start })
  if (bytes.length - start <= DESCRIPTOR) throw cutOff()
  const magic = bytes.readUInt32LE(start)
  let at = start + DESCRIPTOR
  if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
    at += bytes.length - at < 4 ? bytes.length : 4 + bytes.readUInt32LE(at)
    if (at > bytes.length) throw cutOff()
    return at
  }
  if (magic !== MAGIC) throw new CorruptRecordError('not a zstd frame', { position: start })
  const descriptor = bytes[at]!
  at += headerSize(descriptor)
  for (let isLast = false; !isLast; ) {
    if (bytes.length - at < BLOCK_HEADER_SIZE) throw cutOff()
    const header = bytes.readUIntLE(at, BLOCK_HEADER_SIZE)
    isLast = (header & 1) === 1
    const isRun = ((header >> 1) & 3) === RUN_LENGTH_BLOCK
    at += BLOCK_HEADER_SIZE + (isRun ? 1 : header >> 3)
  }
  if ((descriptor & CHECKSUM) !== 0) at += 4
  if (at > bytes.length) throw cutOff()
  return at
}

/** Of what stands between the magic and the first block. */
function headerSize(descriptor: number): number {
  const isSingle = (descriptor & SINGLE_SEGMENT) !== 0
  const contentSize = CONTENT_SIZE_SIZES[descriptor >> 6]!
  // A single segment has no window; its content size is there always, in one byte at least.
  return 1 + DICTIONARY_ID_SIZES[descriptor & 3]! + (isSingle ? Math.max(1, contentSize) : 1 + contentSize)
}
