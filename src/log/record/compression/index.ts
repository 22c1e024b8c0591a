import { CorruptRecordError } from '../../errors.ts'
import { compressGzip, decompressGzip } from './gzip.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'
import { compressZstd, decompressZstd } from './zstd.ts'

/** In the order of the codec bits of a batch's attributes: `codecs[attributes & 7]`. */
export const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof codecs)[number]

/** How large a payload may become when nobody says otherwise: 64 batches of Kafka's default max.message.bytes. */
export const DEFAULT_DECOMPRESSED_LIMIT = 64 * 1024 * 1024

export interface DecompressOptions {
  /** Of the batch or wrapper: zstd needs 2, and 0 has lz4 frames with a wrong header checksum (KAFKA-3160). */
  magic?: number
  /** In bytes. */
  limit?: number
}

/** The payload of a batch in the codec's framing, as Kafka's readers take it. `none` gives the same bytes back. */
export function compress(codec: Codec, bytes: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return compressGzip(bytes)
    case 'snappy':
      return compressSnappy(bytes)
    case 'lz4':
      return compressLz4(bytes)
    case 'zstd':
      return compressZstd(bytes)
  }
}

/**
 * The inverse, accepting and rejecting what Kafka's readers do. Bytes that are no such payload are a CorruptRecordError
 * with their position in `bytes`; more than `limit` bytes are a TooLargeWhenDecompressedError, raised once the limit is
 * passed. No length that the payload claims is believed before it is known that the payload can hold it.
 */
export function decompress(codec: Codec, bytes: Buffer, options: DecompressOptions = {}): Buffer {
  const limit = options.limit ?? DEFAULT_DECOMPRESSED_LIMIT
  const magic = options.magic ?? 2
  switch (codec) {
    case 'none':
      return bytes
    case 'gzip':
      return decompressGzip(bytes, limit)
    case 'snappy':
      return decompressSnappy(bytes, limit)
    case 'lz4':
      return decompressLz4(bytes, limit, magic)
    case 'zstd':
      if (magic < 2) throw new CorruptRecordError(`zstd is not allowed in a message set of magic ${magic}`)
      return decompressZstd(bytes, limit)
  }
}
