import type { ZlibOptions, ZstdOptions } from 'node:zlib'
import { CorruptRecordError } from '../../errors.ts'
import { type Pieces, tooLargeWhenDecompressed } from './pieces.ts'

/** Node's default of 16 KiB makes a payload of 1 MiB 64 calls and 64 buffers. */
const SMALLEST_CHUNK = 16 * 1024
const LARGEST_CHUNK = 1024 * 1024

type Inflate = (bytes: Buffer, options: ZlibOptions & ZstdOptions) => unknown

/**
 * Runs one of node:zlib's synchronous decompressors over `bytes` from `start`, adds what comes out to `pieces` and
 * returns the position behind what it has consumed: zlib itself stops at the end of a stream and passes over what follows.
 */
export function inflateInto(pieces: Pieces, inflate: Inflate, bytes: Buffer, start: number, what: string): number {
  const input = start === 0 ? bytes : bytes.subarray(start)
  const chunkSize = pieces.last === undefined ? firstChunkSize(input.length, pieces.room) : SMALLEST_CHUNK
  try {
    // maxOutputLength must not be 0; the one byte too many is found by `add`.
    const result = inflate(input, { chunkSize, maxOutputLength: Math.max(1, pieces.room), info: true })
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } }
    pieces.add(buffer)
    return start + engine.bytesWritten
  } catch (error) {
    throw translate(error, pieces.limit, start, what)
  }
}

/** Sized by what is there and what is allowed, never by what the payload claims to hold. */
function firstChunkSize(inputLength: number, room: number): number {
  return Math.max(SMALLEST_CHUNK, Math.min(LARGEST_CHUNK, inputLength * 4, room))
}

function translate(error: unknown, limit: number, position: number, what: string): unknown {
  const { code, message } = error as { code?: unknown; message: string }
  if (typeof code !== 'string') return error
  if (code === 'ERR_BUFFER_TOO_LARGE') return tooLargeWhenDecompressed(limit)
  if (!code.startsWith('Z_') && !code.startsWith('ZSTD_')) return error
  return new CorruptRecordError(`invalid ${what}: ${message}`, { position, cause: error })
}
