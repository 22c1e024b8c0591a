import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { CorruptRecordError } from '../../errors.ts'
import { Pieces } from './pieces.ts'
import { inflateInto } from './zlib-pieces.ts'

/**
 * Plain zstd frames (RFC 8878), one after the other to the last byte: junk behind them is refused, as are frames whose
 * window is above 2^27 bytes (the library's own limit, in Kafka too; `zstd --long=31` makes such).
 */
export function compressZstd(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes)
}

export function decompressZstd(bytes: Buffer, limit: number): Buffer {
  const pieces = new Pieces(limit)
  let at = 0
  do {
    // Takes as many frames as it can, and stops in front of anything that does not begin like one.
    const end = inflateInto(pieces, zstdDecompressSync, bytes, at, 'zstd frame')
    if (end === at) throw new CorruptRecordError('zstd frame without content', { position: at })
    at = end
  } while (at < bytes.length)
  return pieces.join()
}
