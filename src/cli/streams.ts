import type { Writable } from 'node:stream'
import { isClosedPipe } from './exit-codes.ts'

/** Writes all of it, and is done when the kernel has it; rejects with the error of the write. */
export function writeTo(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, error => {
      if (!error) return resolve()
      // A failed write does not know where to; the line about it should.
      reject(stream === process.stdout ? Object.assign(error, { path: 'stdout' }) : error)
    })
  })
}

/** Waits until a slow reader has taken what is buffered; a pipe without a reader has nothing left to take. */
export async function drained(stream: Writable): Promise<void> {
  if (stream.writableLength === 0 || stream.destroyed) return
  await writeTo(stream, '').catch((error: unknown) => {
    if (!isClosedPipe(error)) throw error
  })
}
