import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'

export interface FaultyFileSystem {
  /** What was called meanwhile, with the last part of the path: `open file.tmp`, `rename file.tmp file`, `fsync folder`. */
  readonly calls: string[]
  restore(): void
}

export interface Faults {
  /** The call that fails, as it would stand in `calls`, every time. */
  failing?: string
  /** How it fails. */
  code?: string
  /** No write takes more bytes than this. */
  shortWrites?: number
}

/**
 * Records (and disturbs) the synchronous open, write, fsync, fdatasync, rename and close of node:fs in this process until
 * `restore()`. Everything else goes to the real disk.
 */
export function faultyFileSystem({ failing, code = 'EIO', shortWrites }: Faults = {}): FaultyFileSystem {
  const calls: string[] = []
  const { openSync, writeSync, fsyncSync, fdatasyncSync, renameSync, closeSync } = fs
  const originals = { openSync, writeSync, fsyncSync, fdatasyncSync, renameSync, closeSync }
  const names = new Map<number, string>()

  function record(call: string): void {
    calls.push(call)
    if (call === failing) throw Object.assign(new Error(`${code}: ${call}`), { code, errno: -1 })
  }
  const ofDescriptor = (verb: string, descriptor: number) => record(`${verb} ${names.get(descriptor) ?? descriptor}`)

  Object.assign(fs, {
    openSync(...rest: Parameters<typeof openSync>) {
      record(`open ${basename(String(rest[0]))}`)
      const descriptor = openSync(...rest)
      names.set(descriptor, basename(String(rest[0])))
      return descriptor
    },
    writeSync(
      descriptor: number,
      bytes: Buffer,
      offset = 0,
      length = bytes.length - offset,
      position: number | null = null,
    ) {
      ofDescriptor('write', descriptor)
      return writeSync(descriptor, bytes, offset, Math.min(length, shortWrites ?? length), position)
    },
    fsyncSync(descriptor: number) {
      ofDescriptor('fsync', descriptor)
      fsyncSync(descriptor)
    },
    fdatasyncSync(descriptor: number) {
      ofDescriptor('fdatasync', descriptor)
      fdatasyncSync(descriptor)
    },
    renameSync(from: string, to: string) {
      record(`rename ${basename(from)} ${basename(to)}`)
      renameSync(from, to)
    },
    closeSync(descriptor: number) {
      ofDescriptor('close', descriptor)
      closeSync(descriptor)
    },
  })
  // Named imports of a built-in module are copies, which follow an assignment only on this call.
  syncBuiltinESMExports()
  return {
    calls,
    restore() {
      Object.assign(fs, originals)
      syncBuiltinESMExports()
    },
  }
}
