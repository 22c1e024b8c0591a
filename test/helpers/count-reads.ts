import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

export interface Reads {
  calls: number
  bytes: number
}

/** How often `work` called readSync of node:fs in this process, and how many bytes it got: speed that a test can rely on. */
export function countReads(work: () => void): Reads {
  const reads = { calls: 0, bytes: 0 }
  const original = fs.readSync
  fs.readSync = ((...rest: Parameters<typeof original>) => {
    const got = original(...rest)
    reads.calls++
    reads.bytes += got
    return got
  }) as typeof original
  // Named imports of a built-in module are copies, which follow an assignment only on this call.
  syncBuiltinESMExports()
  try {
    work()
  } finally {
    fs.readSync = original
    syncBuiltinESMExports()
  }
  return reads
}
