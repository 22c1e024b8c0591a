import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'
import { onTestFinished } from 'vitest'

export interface FileCall {
  /** As in node:fs, without `Sync`; the fdatasync on a thread is `fdatasync-async`, a `write` on one is a `write`. */
  verb: string
  /** Last part of the path; behind a descriptor, the name that its file has at this moment. */
  name: string
  path: string
  /** Of a descriptor's calls, and of `open` once it has returned. */
  fd?: number
  /** First byte of a read or write, or the size to which a file is cut. */
  position?: number | null
  length?: number
  /** How a file is opened; where it is renamed to. */
  detail?: string
}

export interface FileCallHooks {
  /**
   * May throw what the call then throws, change files, give the bytes that a write takes at most, or a promise that an
   * asynchronous call waits for. Its own calls are not recorded.
   */
  before?: (call: FileCall) => unknown
  after?: (call: FileCall) => void
}

const patched = [
  'openSync',
  'closeSync',
  'readSync',
  'writeSync',
  'write',
  'fsyncSync',
  'fdatasyncSync',
  'fdatasync',
  'ftruncateSync',
  'renameSync',
  'mkdirSync',
  'rmSync',
  'unlinkSync',
  'readdirSync',
  'readFileSync',
  'existsSync',
  'statSync',
] as const

type WriteCallback = (error: Error | null, written: number, bytes: Buffer) => void

/**
 * Records what this process asks of node:fs, in order, until the test is over or `stop()`. With hooks it is also the disk
 * that fails, and the other process that comes in between.
 */
export class FileCalls {
  readonly calls: FileCall[] = []
  readonly #originals = Object.fromEntries(patched.map(name => [name, fs[name]])) as Pick<
    typeof fs,
    (typeof patched)[number]
  >
  readonly #names = new Map<number, string>()
  readonly #hooks: FileCallHooks
  #isInHook = false

  constructor(hooks: FileCallHooks = {}) {
    this.#hooks = hooks
    Object.assign(fs, this.#replacements())
    // Named imports of a built-in module are copies, which follow an assignment only on this call.
    syncBuiltinESMExports()
    onTestFinished(() => this.stop())
  }

  stop(): void {
    Object.assign(fs, this.#originals)
    syncBuiltinESMExports()
  }

  /** `verb name` of the calls with these verbs, without those on files that are left out. */
  lines(verbs: readonly string[], isWanted: (call: FileCall) => boolean = () => true): string[] {
    return this.calls
      .filter(call => verbs.includes(call.verb) && isWanted(call))
      .map(({ verb, name }) => `${verb} ${name}`)
  }

  of(verb: string, name: string): FileCall[] {
    return this.calls.filter(call => call.verb === verb && call.name === name)
  }

  #replacements(): object {
    const originals = this.#originals
    const byPath = (name: Exclude<(typeof patched)[number], 'fdatasync' | 'write'>, detailAt?: number) => {
      const original = originals[name] as (...rest: unknown[]) => unknown
      return (...rest: unknown[]) => {
        const detail = detailAt === undefined ? {} : { detail: String(rest[detailAt] ?? 'r') }
        const call = { verb: name.replace('Sync', ''), ...this.#placeOf(rest[0]), ...detail }
        return this.#around(call, () => original(...rest))
      }
    }
    const byDescriptor = (name: 'fsyncSync' | 'fdatasyncSync' | 'closeSync' | 'ftruncateSync') => {
      const original = originals[name] as (...rest: unknown[]) => unknown
      return (fd: number, size?: number) => {
        const position = name === 'ftruncateSync' ? { position: size ?? 0 } : {}
        const call = { verb: name.replace('Sync', ''), ...this.#placeOf(fd), ...position }
        return this.#around(call, () => original(fd, size))
      }
    }
    return {
      openSync: (path: string, ...rest: [string, number]) => {
        const call: FileCall = { verb: 'open', ...this.#placeOf(path), detail: String(rest[0] ?? 'r') }
        return this.#around(call, () => {
          call.fd = originals.openSync(path, ...rest)
          this.#names.set(call.fd, path)
          return call.fd
        })
      },
      readSync: (fd: number, bytes: Buffer, offset = 0, length = bytes.length - offset, position = null) =>
        this.#around({ verb: 'read', ...this.#placeOf(fd), position, length }, () =>
          originals.readSync(fd, bytes, offset, length, position),
        ),
      writeSync: (fd: number, bytes: Buffer, offset = 0, length = bytes.length - offset, position = null) =>
        this.#around({ verb: 'write', ...this.#placeOf(fd), position, length }, most =>
          originals.writeSync(fd, bytes, offset, Math.min(length, most ?? length), position),
        ),
      write: (fd: number, bytes: Buffer, at: number, length: number, position: number, done: WriteCallback) => {
        if (this.#isInHook) return originals.write(fd, bytes, at, length, position, done)
        const call = { verb: 'write', ...this.#placeOf(fd), position, length }
        this.calls.push(call)
        const begin = async () => this.#inHook(() => this.#hooks.before?.(call))
        begin().then(
          most =>
            originals.write(fd, bytes, at, typeof most === 'number' ? Math.min(length, most) : length, position, done),
          error => done(error, 0, bytes),
        )
      },
      fdatasync: (fd: number, done: (error: Error | null) => void) => {
        if (this.#isInHook) return originals.fdatasync(fd, done)
        const call = { verb: 'fdatasync-async', ...this.#placeOf(fd) }
        this.calls.push(call)
        const begin = async () => this.#inHook(() => this.#hooks.before?.(call))
        begin().then(() => originals.fdatasync(fd, done), done)
      },
      fsyncSync: byDescriptor('fsyncSync'),
      fdatasyncSync: byDescriptor('fdatasyncSync'),
      closeSync: byDescriptor('closeSync'),
      ftruncateSync: byDescriptor('ftruncateSync'),
      renameSync: byPath('renameSync', 1),
      mkdirSync: byPath('mkdirSync'),
      rmSync: byPath('rmSync'),
      unlinkSync: byPath('unlinkSync'),
      readdirSync: byPath('readdirSync'),
      readFileSync: byPath('readFileSync'),
      existsSync: byPath('existsSync'),
      statSync: byPath('statSync'),
    }
  }

  #around<T>(call: FileCall, run: (most: number | undefined) => T): T {
    if (this.#isInHook) return run(undefined)
    this.calls.push(call)
    const most = this.#inHook(() => this.#hooks.before?.(call))
    const result = run(typeof most === 'number' ? most : undefined)
    this.#inHook(() => this.#hooks.after?.(call))
    return result
  }

  #inHook<T>(hook: () => T): T {
    this.#isInHook = true
    try {
      return hook()
    } finally {
      this.#isInHook = false
    }
  }

  #placeOf(target: unknown): { name: string; path: string; fd?: number } {
    if (typeof target !== 'number') return { name: basename(String(target)), path: String(target) }
    const path = this.#nameOf(target)
    return { name: basename(path), path, fd: target }
  }

  #nameOf(fd: number): string {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return this.#names.get(fd) ?? String(fd)
    }
  }
}

export const verbsThatWrite = ['write', 'fsync', 'fdatasync', 'fdatasync-async', 'ftruncate', 'rename', 'unlink', 'rm']

/** What a disk says that has no room, or has failed. */
export function diskError(code: 'ENOSPC' | 'EIO'): Error {
  return Object.assign(new Error(`${code}: not on this disk`), { code, errno: -1 })
}
