/**
 * The calls of the C library that Node does not offer: locks on byte ranges that belong to an open file, waiting for input
 * without reading it, the size of a pipe, early write-back, and the exit that does not wait for threads.
 *
 * koffi reaches them, and is loaded at the first call (7 ms): a command that needs none of this pays nothing. Errors are shaped
 * like those of node:fs (`code`, `errno`, `syscall`), so that callers treat both alike. Why koffi:
 * docs/decisions/004-which-library-holds-the-locks.md.
 *
 * Linux, with 64-bit integers in little-endian order, is what the tests run on; macOS has the same calls under other numbers.
 */
import { closeSync, readSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { getSystemErrorName } from 'node:util'

type NativeFunction = ((...parameters: unknown[]) => number) & { async(...parameters: unknown[]): void }

interface Libc {
  errno(): number
  fcntl: NativeFunction
  fcntlNumber: NativeFunction
  ioctl: NativeFunction
  poll: NativeFunction
  eventfd?: NativeFunction
  pipe: NativeFunction
  syncFileRange?: NativeFunction
  exit: NativeFunction
}

const linux = {
  // struct flock: where each field stands, and the whole in bytes
  flock: { type: 0, whence: 2, start: 8, length: 16, pid: 24, size: 32 },
  shared: 0,
  exclusive: 1,
  unlocked: 2,
  getLock: 36,
  setLock: 37,
  setLockWaiting: 38,
  fionread: 0x541b,
  EAGAIN: 11,
}

const darwin: typeof linux = {
  flock: { start: 0, length: 8, pid: 16, type: 20, whence: 22, size: 24 },
  shared: 1,
  exclusive: 3,
  unlocked: 2,
  getLock: 92,
  setLock: 90,
  setLockWaiting: 91,
  fionread: 0x4004667f,
  EAGAIN: 35,
}

const isLinux = process.platform === 'linux'
const platform = process.platform === 'darwin' ? darwin : linux

const EINTR = 4
const EACCES = 13
const EINVAL = 22
const ENOTTY = 25
const F_SETFD = 2
const F_SETFL = 4
const FD_CLOEXEC = 1
const O_NONBLOCK_DARWIN = 4
const F_SETPIPE_SZ = 1031
const F_GETPIPE_SZ = 1032
const EFD_CLOEXEC_AND_NONBLOCK = 0o2004000
const SYNC_FILE_RANGE_WRITE = 2
const POLLIN = 1
const POLLOUT = 4
const POLLNVAL = 32
const pollfdSize = 8
const maxPollMs = 2 ** 31 - 1

let loaded: Libc | undefined

function libc(): Libc {
  loaded ??= loadLibc()
  return loaded
}

function loadLibc(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
  const library = koffi.load(null)
  const declare = (name: string, parameters: string[], result = 'int') =>
    library.func(name, result, parameters) as NativeFunction
  // koffi runs no variadic function on a thread, so fcntl and ioctl are declared as ordinary ones. That is the same call
  // everywhere but on Apple's ARM, which passes variadic arguments on the stack: there six unused ones fill the registers.
  const padding = process.platform === 'darwin' && process.arch === 'arm64' ? Array<string>(6).fill('int64') : []
  const padded = (native: NativeFunction): NativeFunction => {
    if (padding.length === 0) return native
    const zeros = padding.map(() => 0)
    const insert = (parameters: unknown[]) => [...parameters.slice(0, 2), ...zeros, ...parameters.slice(2)]
    return Object.assign((...parameters: unknown[]) => native(...insert(parameters)), {
      async: (...parameters: unknown[]) => native.async(...insert(parameters)),
    })
  }
  return {
    errno: () => koffi.errno(),
    fcntl: padded(declare('fcntl', ['int', 'int', ...padding, 'void *'])),
    fcntlNumber: padded(declare('fcntl', ['int', 'int', ...padding, 'int64'])),
    ioctl: padded(declare('ioctl', ['int', 'ulong', ...padding, 'void *'])),
    poll: declare('poll', ['void *', 'ulong', 'int']),
    pipe: declare('pipe', ['void *']),
    exit: declare('_exit', ['int'], 'void'),
    ...(isLinux && {
      eventfd: declare('eventfd', ['uint', 'int']),
      syncFileRange: declare('sync_file_range', ['int', 'int64', 'int64', 'uint']),
    }),
  }
}

function systemError(errno: number, syscall: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${code}, ${syscall}`), { errno: -errno, code, syscall })
}

/** Buffers that a thread is using: koffi passes their addresses on and holds no reference. */
const inUse = new Set<Buffer>()

/** The result, or -errno, of a call on one of libuv's threads; `bytes` is the buffer among its parameters. */
async function onThread(native: NativeFunction, bytes: Buffer | undefined, ...parameters: unknown[]): Promise<number> {
  if (bytes !== undefined) inUse.add(bytes)
  try {
    return await new Promise<number>((resolve, reject) => {
      native.async(...parameters, (error: unknown, result: number) => {
        if (error) reject(error)
        // koffi carries errno over from the thread, but only into this callback.
        else resolve(result < 0 ? -libc().errno() : result)
      })
    })
  } finally {
    if (bytes !== undefined) inUse.delete(bytes)
  }
}

export type LockMode = 'shared' | 'exclusive'

function flock(type: number, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(platform.flock.size)
  fillFlock(bytes, type, start, length)
  return bytes
}

function fillFlock(bytes: Buffer, type: number, start: number, length: number): void {
  bytes.writeInt16LE(type, platform.flock.type)
  bytes.writeInt16LE(0, platform.flock.whence)
  putInt64(bytes, platform.flock.start, start)
  putInt64(bytes, platform.flock.length, length)
  bytes.writeInt32LE(0, platform.flock.pid)
}

/** For numbers from 0 to 2^53; two halves cost a tenth of a BigInt. */
function putInt64(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at)
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}

const reusedFlock = Buffer.alloc(platform.flock.size)

/** 0, or errno. */
function setLock(fd: number, type: number, start: number, length: number): number {
  fillFlock(reusedFlock, type, start, length)
  for (;;) {
    if (libc().fcntl(fd, platform.setLock, reusedFlock) !== -1) return 0
    const errno = libc().errno()
    if (errno !== EINTR) return errno
  }
}

/**
 * Takes the lock if nobody holds one that conflicts; false: somebody does. `length` 0 reaches to the end of the file and beyond.
 * The lock belongs to the open file, not to the process: a second `open` of the same file conflicts, also in one process, and
 * closing that second one frees nothing here (Java's own locks have both faults). It goes with the last copy of the descriptor.
 */
export function ofdTryLock(fd: number, mode: LockMode, start: number, length: number): boolean {
  const errno = setLock(fd, platform[mode], start, length)
  if (errno === 0) return true
  if (errno === platform.EAGAIN || errno === EACCES) return false
  throw systemError(errno, 'fcntl')
}

/** Frees the range, held or not. */
export function ofdUnlock(fd: number, start: number, length: number): void {
  const errno = setLock(fd, platform.unlocked, start, length)
  if (errno !== 0) throw systemError(errno, 'fcntl')
}

/**
 * Waits for the lock on one of libuv's threads (four by default), for as long as it takes; nothing can call the thread back
 * but the lock, or `exitNow`. LockFile bounds how many threads wait at once.
 */
export async function ofdLockWaiting(fd: number, mode: LockMode, start: number, length: number): Promise<void> {
  const bytes = flock(platform[mode], start, length)
  for (;;) {
    const result = await onThread(libc().fcntl, bytes, fd, platform.setLockWaiting, bytes)
    if (result >= 0) return
    if (result !== -EINTR) throw systemError(-result, 'fcntl')
  }
}

/**
 * Whose lock is in the way of this one. undefined: nobody's; a process id for a POSIX lock, a broker's (0: a process that this
 * container can't see); -1 for the kind of lock that `ofdTryLock` takes, whose owner the kernel does not tell.
 */
export function ofdHolderPid(fd: number, mode: LockMode, start: number, length: number): number | undefined {
  const bytes = flock(platform[mode], start, length)
  if (libc().fcntl(fd, platform.getLock, bytes) === -1) throw systemError(libc().errno(), 'fcntl')
  if (bytes.readInt16LE(platform.flock.type) === platform.unlocked) return undefined
  return bytes.readInt32LE(platform.flock.pid)
}

function putPollfd(bytes: Buffer, index: number, fd: number, events: number): void {
  bytes.writeInt32LE(fd, index * pollfdSize)
  bytes.writeInt16LE(events, index * pollfdSize + 4)
  bytes.writeInt16LE(0, index * pollfdSize + 6)
}

function polled(bytes: Buffer, index: number): number {
  const events = bytes.readInt16LE(index * pollfdSize + 6)
  if ((events & POLLNVAL) !== 0) throw systemError(9, 'poll')
  return events
}

/**
 * Waits on a thread until `fd` has something to read (its end and an error count: the read then tells), until `wake()` of
 * the Wake whose descriptor is `wakeFd`, or until `timeoutMs` are over; -1 = no limit. A wake that came with input or before the
 * wait is reported first, and used up; the input is still there for the next call. `wakeFd` -1: none.
 *
 * Why not a read on a thread: the exit of a process joins libuv's threads, so one that sits in read(2) holds it up.
 */
export async function pollReadable(
  fd: number,
  wakeFd: number,
  timeoutMs: number,
): Promise<'readable' | 'woken' | 'timeout'> {
  const outcome = await pollOnThread(fd, POLLIN, wakeFd, timeoutMs)
  return outcome === 'ready' ? 'readable' : outcome
}

/**
 * The same until nobody reads at the other end of a pipe or socket any more, or a terminal has hung up: what a writer that
 * has nothing to write would not hear of.
 */
export async function pollHangup(
  fd: number,
  wakeFd: number,
  timeoutMs: number,
): Promise<'hangup' | 'woken' | 'timeout'> {
  // The kernel reports these conditions whether or not they are asked for.
  const outcome = await pollOnThread(fd, 0, wakeFd, timeoutMs)
  return outcome === 'ready' ? 'hangup' : outcome
}

async function pollOnThread(
  fd: number,
  events: number,
  wakeFd: number,
  timeoutMs: number,
): Promise<'ready' | 'woken' | 'timeout'> {
  const bytes = Buffer.alloc(2 * pollfdSize)
  putPollfd(bytes, 0, fd, events)
  putPollfd(bytes, 1, wakeFd, POLLIN)
  const until = performance.now() + timeoutMs
  let leftMs = Math.min(timeoutMs, maxPollMs)
  for (;;) {
    const result = await onThread(libc().poll, bytes, bytes, 2, leftMs)
    if (result < 0 && result !== -EINTR) throw systemError(-result, 'poll')
    if (result > 0) {
      if (polled(bytes, 1) !== 0) {
        drainWake(wakeFd)
        return 'woken'
      }
      if (polled(bytes, 0) !== 0) return 'ready'
    }
    if (timeoutMs >= 0) leftMs = Math.min(Math.max(0, Math.ceil(until - performance.now())), maxPollMs)
    if (result === 0 || leftMs === 0) return 'timeout'
  }
}

/** Blocks this thread until `fd` takes bytes (or has no reader any more: the write then tells); false: not within `timeoutMs`. */
export function pollWritableSync(fd: number, timeoutMs: number): boolean {
  const bytes = Buffer.alloc(pollfdSize)
  putPollfd(bytes, 0, fd, POLLOUT)
  for (;;) {
    const result = libc().poll(bytes, 1, timeoutMs)
    if (result > 0) return polled(bytes, 0) !== 0
    if (result === 0) return false
    const errno = libc().errno()
    if (errno !== EINTR) throw systemError(errno, 'poll')
  }
}

export interface Wake {
  /** For `pollReadable`. */
  readonly fd: number
  /** Ends the wait that is under way, or else the next one. Many calls are one wake. */
  wake(): void
  /** Not while a wait is under way. */
  close(): void
}

const wakeByte = Buffer.from([1])
// What an eventfd takes: a number of 8 bytes, added to its counter.
const wakeCount = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0])

export function createWake(): Wake {
  const { eventfd } = libc()
  if (eventfd !== undefined) {
    const fd = eventfd(0, EFD_CLOEXEC_AND_NONBLOCK)
    if (fd === -1) throw systemError(libc().errno(), 'eventfd')
    return { fd, wake: () => writeUnlessFull(fd, wakeCount), close: () => closeSync(fd) }
  }
  const pair = Buffer.alloc(8)
  if (libc().pipe(pair) === -1) throw systemError(libc().errno(), 'pipe')
  const ends = [pair.readInt32LE(0), pair.readInt32LE(4)] as const
  for (const end of ends) {
    libc().fcntlNumber(end, F_SETFD, FD_CLOEXEC)
    libc().fcntlNumber(end, F_SETFL, O_NONBLOCK_DARWIN)
  }
  return {
    fd: ends[0],
    wake: () => writeUnlessFull(ends[1], wakeByte),
    close: () => {
      for (const end of ends) closeSync(end)
    },
  }
}

function writeUnlessFull(fd: number, bytes: Buffer): void {
  try {
    writeSync(fd, bytes)
  } catch (error) {
    // Full of wakes that nobody has taken yet.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  }
}

function drainWake(fd: number): void {
  try {
    // An eventfd gives its counter and is empty; a pipe gives what it has, 4,096 wakes and more at a time.
    readSync(fd, Buffer.alloc(4096))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  }
}

/** How many bytes a read would get at once; 0 also for what can't tell (a device). */
export function bytesInPipe(fd: number): number {
  const count = Buffer.alloc(4)
  if (libc().ioctl(fd, platform.fionread, count) !== -1) return count.readInt32LE(0)
  const errno = libc().errno()
  if (errno === ENOTTY || errno === EINVAL) return 0
  throw systemError(errno, 'ioctl')
}

/** How many bytes a pipe holds before its writer blocks (65,536 on Linux if nobody changed it); 0: no pipe, or not known here. */
export function pipeSize(fd: number): number {
  return isLinux ? Math.max(0, libc().fcntlNumber(fd, F_GETPIPE_SZ, 0)) : 0
}

/**
 * Asks for a larger (or smaller) pipe and returns the size that it then has; 0 as in `pipeSize`. A refusal is none of the
 * caller's troubles: the pipe works as before. (Without privileges 1 MiB is the limit: /proc/sys/fs/pipe-max-size.)
 */
export function setPipeSize(fd: number, bytes: number): number {
  if (!isLinux) return 0
  const size = libc().fcntlNumber(fd, F_SETPIPE_SZ, bytes)
  return size === -1 ? pipeSize(fd) : size
}

/**
 * Lets the kernel begin to write the range to the disk (`length` 0 = to the end), so that a later fdatasync has less to do.
 * Runs on a thread, as a full device queue blocks it. It proves nothing and so never fails; without the WAIT flags it also
 * leaves a write error in place for the fdatasync to find.
 */
export async function startWriteback(fd: number, offset: number, length: number): Promise<void> {
  const { syncFileRange } = libc()
  if (syncFileRange !== undefined) {
    await onThread(syncFileRange, undefined, fd, offset, length, SYNC_FILE_RANGE_WRITE)
  }
}

/** Ends the process without running anything more, and without waiting for a thread that waits for a lock. */
export function exitNow(code: number): never {
  libc().exit(code)
  throw new Error('_exit returned')
}
