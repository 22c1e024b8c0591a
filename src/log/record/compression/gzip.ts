import { crc32, gzipSync, inflateRawSync } from 'node:zlib'
import { CorruptRecordError } from '../../errors.ts'
import { Pieces } from './pieces.ts'
import { inflateInto } from './zlib-pieces.ts'

/**
 * A gzip member (RFC 1952): a header of 10 bytes (1f 8b 08, flags, time, …) and what the flags add, deflate data, and a
 * trailer of CRC-32 and length of the content, both little-endian.
 *
 * Members may follow each other, and junk may follow the last one: Java's GZIPInputStream takes whatever does not begin
 * like a member for the end, and so does this. Node's gunzip refuses some junk, therefore the members are walked here.
 */
const HEADER_SIZE = 10
const TRAILER_SIZE = 8
/** Java does not look for another member in fewer bytes; the smallest has 20. */
const LEAST_FOR_ANOTHER = HEADER_SIZE + TRAILER_SIZE + 1
const METHOD_DEFLATE = 8
const HAS_HEADER_CRC = 0x02
const HAS_EXTRA = 0x04
const HAS_NAME = 0x08
const HAS_COMMENT = 0x10

export function compressGzip(bytes: Buffer): Buffer {
  return gzipSync(bytes)
}

export function decompressGzip(bytes: Buffer, limit: number): Buffer {
  const pieces = new Pieces(limit)
  let at = headerEnd(bytes, 0)
  if (at < 0) throw new CorruptRecordError('invalid gzip header', { position: 0 })
  while (at >= 0) {
    const end = inflateInto(pieces, inflateRawSync, bytes, at, 'gzip stream')
    checkTrailer(bytes, end, pieces.last!)
    const next = end + TRAILER_SIZE
    at = bytes.length - next < LEAST_FOR_ANOTHER ? -1 : headerEnd(bytes, next)
  }
  return pieces.join()
}

function checkTrailer(bytes: Buffer, at: number, content: Buffer): void {
  if (bytes.length - at < TRAILER_SIZE) throw new CorruptRecordError('gzip trailer is cut off', { position: at })
  const expected = bytes.readUInt32LE(at)
  const found = crc32(content)
  if (expected !== found) {
    throw new CorruptRecordError(`gzip CRC mismatch, expected ${expected}, found ${found}`, { position: at })
  }
  const declared = bytes.readUInt32LE(at + 4)
  if (declared !== content.length % 2 ** 32) {
    throw new CorruptRecordError(`wrong gzip length, expected ${declared}, found ${content.length}`, {
      position: at + 4,
    })
  }
}

/** The position behind the member's header at `start`, -1 if there is no whole one. */
function headerEnd(bytes: Buffer, start: number): number {
  if (bytes.length - start < HEADER_SIZE) return -1
  if (bytes[start] !== 0x1f || bytes[start + 1] !== 0x8b || bytes[start + 2] !== METHOD_DEFLATE) return -1
  const flags = bytes[start + 3]!
  let at = start + HEADER_SIZE
  if ((flags & HAS_EXTRA) !== 0) {
    if (bytes.length - at < 2) return -1
    at += 2 + bytes.readUInt16LE(at)
  }
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if ((flags & flag) === 0) continue
    const zero = bytes.indexOf(0, at)
    if (zero < 0) return -1
    at = zero + 1
  }
  if ((flags & HAS_HEADER_CRC) !== 0) {
    if (bytes.length - at < 2) return -1
    if ((crc32(bytes.subarray(start, at)) & 0xffff) !== bytes.readUInt16LE(at)) return -1
    at += 2
  }
  return at <= bytes.length ? at : -1
}
