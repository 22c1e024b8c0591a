import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { execaSync } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { LockFile, WRITE } from '../../../src/log/file/lock-file.ts'
import * as posix from '../../../src/log/file/posix.ts'
import { LockProcess } from '../../helpers/lock-process.ts'
import { nodeExecutable } from '../../helpers/run-loglady.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

function makePipe(): { readEnd: number; writeEnd: number } {
  const path = join(temporaryFolder(), 'pipe')
  execaSync('mkfifo', [path])
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  onTestFinished(() => closeSync(readEnd))
  return { readEnd, writeEnd }
}

function makeWake(): posix.Wake {
  const wake = posix.createWake()
  onTestFinished(() => wake.close())
  return wake
}

test('a process that only imports the lock files does not load koffi, and one that locks does', () => {
  const folder = temporaryFolder()
  const script = `
    import { createRequire } from 'node:module'
    const require = createRequire(import.meta.url)
    const { LockFile, WRITE } = await import(${JSON.stringify(join(import.meta.dirname, '../../../src/log/file/lock-file.ts'))})
    const isLoaded = () => Object.keys(require.cache).some(path => path.includes('koffi'))
    const file = LockFile.open(${JSON.stringify(join(folder, '.lock'))})
    const before = isLoaded()
    file.tryLock(WRITE, 'exclusive')
    process.stdout.write(before + ' ' + isLoaded())`
  const result = execaSync(nodeExecutable, ['--input-type=module', '--eval', script])
  expect(result.stdout).toBe('false true')
})

test('waiting for input ends when there is some, and leaves it there', async () => {
  const { readEnd, writeEnd } = makePipe()
  const wake = makeWake()
  const wait = posix.pollReadable(readEnd, wake.fd, -1)
  writeSync(writeEnd, 'abc')
  expect(await wait).toBe('readable')
  expect(await posix.pollReadable(readEnd, -1, -1)).toBe('readable')
  const bytes = Buffer.alloc(10)
  expect(readSync(readEnd, bytes)).toBe(3)
  expect(await posix.pollReadable(readEnd, wake.fd, 0)).toBe('timeout')
  closeSync(writeEnd)
})

test('waiting for input ends when the other end is closed', async () => {
  const { readEnd, writeEnd } = makePipe()
  const wait = posix.pollReadable(readEnd, -1, -1)
  closeSync(writeEnd)
  expect(await wait).toBe('readable')
  expect(readSync(readEnd, Buffer.alloc(10))).toBe(0)
})

test('a wake ends the wait for input, also one that came before it, and many count once', async () => {
  const { readEnd, writeEnd } = makePipe()
  const wake = makeWake()
  const wait = posix.pollReadable(readEnd, wake.fd, -1)
  wake.wake()
  expect(await wait).toBe('woken')
  expect(await posix.pollReadable(readEnd, wake.fd, 0)).toBe('timeout')
  for (let count = 0; count < 100; count++) wake.wake()
  expect(await posix.pollReadable(readEnd, wake.fd, -1)).toBe('woken')
  expect(await posix.pollReadable(readEnd, wake.fd, 0)).toBe('timeout')
  closeSync(writeEnd)
})

test('a wake is told before input, and the input is not lost', async () => {
  const { readEnd, writeEnd } = makePipe()
  const wake = makeWake()
  writeSync(writeEnd, 'abc')
  wake.wake()
  expect(await posix.pollReadable(readEnd, wake.fd, -1)).toBe('woken')
  expect(await posix.pollReadable(readEnd, wake.fd, -1)).toBe('readable')
  closeSync(writeEnd)
})

test('a writer that waits hears when the reader of its pipe goes, and not before', async () => {
  const path = join(temporaryFolder(), 'pipe')
  execaSync('mkfifo', [path])
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writeEnd = openSync(path, constants.O_WRONLY)
  onTestFinished(() => closeSync(writeEnd))
  const wake = makeWake()
  expect(await posix.pollHangup(writeEnd, wake.fd, 20)).toBe('timeout')
  wake.wake()
  expect(await posix.pollHangup(writeEnd, wake.fd, -1)).toBe('woken')
  const wait = posix.pollHangup(writeEnd, wake.fd, -1)
  closeSync(readEnd)
  expect(await wait).toBe('hangup')
})

test('a wait with a limit times out', async () => {
  const { readEnd, writeEnd } = makePipe()
  expect(await posix.pollReadable(readEnd, -1, 5)).toBe('timeout')
  closeSync(writeEnd)
})

test('waiting on a descriptor that is not open is an error like those of node:fs', async () => {
  await expect(posix.pollReadable(1_000_000, -1, -1)).rejects.toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'poll' }),
  )
  expect(() => posix.ofdTryLock(1_000_000, 'shared', 0, 1)).toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'fcntl' }),
  )
  await expect(posix.ofdLockWaiting(1_000_000, 'shared', 0, 1)).rejects.toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'fcntl' }),
  )
})

test('a full pipe is not writable until it is read', () => {
  const { readEnd, writeEnd } = makePipe()
  expect(posix.pollWritableSync(writeEnd, 0)).toBe(true)
  const size = posix.pipeSize(writeEnd)
  writeSync(writeEnd, Buffer.alloc(size))
  expect(posix.bytesInPipe(readEnd)).toBe(size)
  expect(posix.pollWritableSync(writeEnd, 0)).toBe(false)
  readSync(readEnd, Buffer.alloc(size))
  expect(posix.pollWritableSync(writeEnd, 0)).toBe(true)
  closeSync(writeEnd)
})

test('the bytes in a pipe are counted without reading them', () => {
  const { readEnd, writeEnd } = makePipe()
  expect(posix.bytesInPipe(readEnd)).toBe(0)
  writeSync(writeEnd, 'abc')
  expect(posix.bytesInPipe(readEnd)).toBe(3)
  expect(posix.bytesInPipe(readEnd)).toBe(3)
  closeSync(writeEnd)
  const device = openSync('/dev/null', 'r')
  expect(posix.bytesInPipe(device)).toBe(0)
  closeSync(device)
})

test.runIf(process.platform === 'linux')('a pipe can be made larger, and what is no pipe has no size', () => {
  const { readEnd, writeEnd } = makePipe()
  expect(posix.setPipeSize(readEnd, 128 * 1024)).toBe(128 * 1024)
  expect(posix.pipeSize(writeEnd)).toBe(128 * 1024)
  // Smaller than what it holds is refused: it stays as it is.
  writeSync(writeEnd, Buffer.alloc(100 * 1024))
  expect(posix.setPipeSize(readEnd, 4096)).toBe(128 * 1024)
  closeSync(writeEnd)
  const device = openSync('/dev/null', 'r')
  expect(posix.pipeSize(device)).toBe(0)
  expect(posix.setPipeSize(device, 128 * 1024)).toBe(0)
  closeSync(device)
})

test('early write-back never fails', async () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, 'x'.repeat(10_000))
  const file = openSync(path, 'r+')
  await posix.startWriteback(file, 0, 10_000)
  await posix.startWriteback(file, 4096, 0)
  closeSync(file)
  await posix.startWriteback(file, 0, 0)
})

test('a process that waits for a lock on a thread can end at once', async () => {
  const path = join(temporaryFolder(), '.lock')
  const file = LockFile.open(path)
  file.tryLock(WRITE, 'exclusive')
  const other = await LockProcess.start(path)
  await other.startWaiting(WRITE, 'exclusive')
  expect(await other.exitNow()).toBe(7)
  file.close()
})
