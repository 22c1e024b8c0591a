import { closeSync, existsSync, openSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StorageError } from '../../../src/log/errors.ts'
import { LockFile, WHOLE, WRITE, WRITER_LIFE } from '../../../src/log/file/lock-file.ts'
import { hasPython, LockProcess } from '../../helpers/lock-process.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

function lockPath(): string {
  return join(temporaryFolder(), '.lock')
}

test('opening makes an empty file, and leaves it there on close', () => {
  const path = lockPath()
  const file = LockFile.open(path)
  expect(statSync(path).size).toBe(0)
  file.close()
  expect(existsSync(path)).toBe(true)
  LockFile.open(path).close()
})

test('a lock file that cannot be opened is a storage error with its path', () => {
  const path = join(temporaryFolder(), 'none', '.lock')
  expect(() => LockFile.open(path)).toThrow(StorageError)
  expect(() => LockFile.open(path)).toThrow(expect.objectContaining({ path }))
})

test('one process at a time holds an exclusive lock', async () => {
  const path = lockPath()
  const [one, other] = [LockFile.open(path), await LockProcess.start(path)]
  expect(one.tryLock(WRITE, 'exclusive')).toBe(true)
  expect(await other.tryLock(WRITE, 'exclusive')).toBe(false)
  expect(await other.tryLock(WRITE, 'shared')).toBe(false)
  one.unlock(WRITE)
  expect(await other.tryLock(WRITE, 'exclusive')).toBe(true)
  expect(one.tryLock(WRITE, 'exclusive')).toBe(false)
  one.close()
})

test('any number of processes share a lock, which keeps out exclusive ones', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const others = await Promise.all([LockProcess.start(path), LockProcess.start(path)])
  expect(file.tryLock(WRITER_LIFE, 'shared')).toBe(true)
  for (const other of others) expect(await other.tryLock(WRITER_LIFE, 'shared')).toBe(true)
  expect(await others[0].tryLock(WRITER_LIFE, 'exclusive')).toBe(false)
  file.unlock(WRITER_LIFE)
  await others[1].unlock(WRITER_LIFE)
  expect(await others[0].tryLock(WRITER_LIFE, 'exclusive')).toBe(true)
  file.close()
})

test('byte ranges of one file are independent, also far beyond its end', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const other = await LockProcess.start(path)
  const far = { start: 2 ** 32 + 2 ** 48 - 1, length: 1 }
  expect(file.tryLock(WRITE, 'exclusive')).toBe(true)
  expect(await other.tryLock(WRITER_LIFE, 'exclusive')).toBe(true)
  expect(await other.tryLock(far, 'exclusive')).toBe(true)
  expect(file.tryLock(far, 'shared')).toBe(false)
  expect(file.tryLock({ start: far.start + 1, length: 1 }, 'exclusive')).toBe(true)
  expect(file.tryLock({ start: far.start - 1, length: 1 }, 'exclusive')).toBe(true)
  expect(await other.tryLock(WHOLE, 'shared')).toBe(false)
  file.close()
  expect(await other.tryLock(WHOLE, 'exclusive')).toBe(true)
})

test('two openings within one process exclude each other, and closing one keeps the lock of the other', () => {
  const path = lockPath()
  const [one, two] = [LockFile.open(path), LockFile.open(path)]
  expect(one.tryLock(WRITE, 'exclusive')).toBe(true)
  expect(two.tryLock(WRITE, 'exclusive')).toBe(false)
  two.close()
  // POSIX locks would be gone by now: closing any descriptor of the file drops them.
  const three = LockFile.open(path)
  expect(three.tryLock(WRITE, 'shared')).toBe(false)
  closeSync(openSync(path, 'r'))
  expect(three.tryLock(WRITE, 'shared')).toBe(false)
  one.close()
  expect(three.tryLock(WRITE, 'shared')).toBe(true)
  three.close()
})

test('the lock of a killed process is free at once', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const other = await LockProcess.start(path)
  await other.tryLock(WRITE, 'exclusive')
  expect(file.tryLock(WRITE, 'exclusive')).toBe(false)
  await other.kill()
  expect(file.tryLock(WRITE, 'exclusive')).toBe(true)
  file.close()
})

test('a waiter gets the lock when its holder is killed, and the event loop runs meanwhile', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const other = await LockProcess.start(path)
  await other.tryLock(WRITE, 'exclusive')
  let isHeld = false
  const lock = file.lock(WRITE, 'exclusive').then(() => {
    isHeld = true
  })
  // The other process could not answer through an event loop that stands still.
  expect(await other.tryLock(WRITER_LIFE, 'shared')).toBe(true)
  expect(isHeld).toBe(false)
  await other.kill()
  await lock
  expect(file.tryLock(WRITER_LIFE, 'exclusive')).toBe(true)
  file.close()
})

test('a waiter gets the lock when its holder frees it, in either direction', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const other = await LockProcess.start(path)
  await file.lock(WRITE, 'exclusive')
  const { held } = await other.startWaiting(WRITE, 'exclusive')
  file.unlock(WRITE)
  await held
  const lock = file.lock(WRITE, 'exclusive')
  await other.unlock(WRITE)
  await lock
  file.close()
})

test('more waits than Node has threads leave it one for its file work', async () => {
  const partitions = Array.from({ length: 8 }, () => {
    const path = lockPath()
    return { path, holder: LockFile.open(path), file: LockFile.open(path) }
  })
  for (const { holder } of partitions) holder.tryLock(WRITE, 'exclusive')
  const locks = partitions.map(({ file }) => file.lock(WRITE, 'exclusive'))
  expect(await readFile(partitions[0]!.path, 'utf8')).toBe('')
  for (const { holder } of partitions.toReversed()) holder.unlock(WRITE)
  await Promise.all(locks)
  for (const { holder, file } of partitions) {
    expect(holder.tryLock(WRITE, 'shared')).toBe(false)
    holder.close()
    file.close()
  }
})

test('waits for one level of the lock order do not hold up those for another', async () => {
  const [life, write, leaf] = [lockPath(), lockPath(), join(temporaryFolder(), 'loglady.lock')]
  const holders = [life, write, leaf].map(path => LockFile.open(path))
  const waiters = [life, write, leaf].map(path => LockFile.open(path))
  const ranges = [WRITER_LIFE, WRITE, WRITE]
  for (const [index, range] of ranges.entries()) holders[index]!.tryLock(range, 'exclusive')
  const locks = ranges.map((range, index) => waiters[index]!.lock(range, 'exclusive'))
  for (const index of [2, 1, 0]) {
    holders[index]!.unlock(ranges[index]!)
    await locks[index]
  }
  for (const file of [...holders, ...waiters]) file.close()
})

test('a wait that fails lets the next in line have its turn', async () => {
  const path = lockPath()
  const [holder, first, failing, last] = Array.from({ length: 4 }, () => LockFile.open(path))
  holder!.tryLock(WRITE, 'exclusive')
  const locks = [first, failing, last].map(file => file!.lock(WRITE, 'exclusive'))
  failing!.close()
  holder!.close()
  await locks[0]
  await expect(locks[1]).rejects.toThrow(StorageError)
  first!.close()
  await locks[2]
  last!.close()
})

test('a long wait names the process that holds the lock', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const other = await LockProcess.start(path)
  await other.tryLock(WRITE, 'exclusive')
  const notes: string[] = []
  const noted = Promise.withResolvers<void>()
  const onWait = (holder: string) => {
    notes.push(holder)
    noted.resolve()
  }
  const lock = file.lock(WRITE, 'exclusive', onWait, { noteAfterMs: 1 })
  await noted.promise
  await other.unlock(WRITE)
  await lock
  expect(notes).toEqual([expect.stringMatching(new RegExp(`^process ${other.pid} \\(.+\\)$`))])
  file.close()
})

test('a wait that is over in time says nothing', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  await file.lock(WRITE, 'exclusive', () => expect.unreachable(), { noteAfterMs: 0 })
  file.close()
})

test('every process that shares the lock is named, this one too, up to three', async () => {
  const path = lockPath()
  const [file, second] = [LockFile.open(path), LockFile.open(path)]
  expect(file.holder(WRITER_LIFE, 'exclusive')).toBeUndefined()
  second.tryLock(WRITER_LIFE, 'shared')
  expect(file.holder(WRITER_LIFE, 'exclusive')).toBe('this process')
  expect(file.holder(WRITER_LIFE, 'shared')).toBeUndefined()
  expect(file.holder(WRITE, 'exclusive')).toBeUndefined()
  const others = await Promise.all([1, 2, 3].map(() => LockProcess.start(path)))
  for (const other of others) await other.tryLock(WRITER_LIFE, 'shared')
  const holder = file.holder(WRITER_LIFE, 'exclusive')
  expect(holder).toMatch(/^(this process|process \d+ \(.+?\))(, (this process|process \d+ \(.+?\))){2} and 1 more$/)
  second.close()
  const named = file.holder(WRITER_LIFE, 'exclusive')
  for (const other of others) expect(named).toContain(`process ${other.pid} `)
  file.close()
})

const python = hasPython()

test.runIf(python)('an exclusive POSIX lock, as a broker takes it, keeps us out and is named', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const broker = await LockProcess.start(path, 'like a broker')
  expect(await broker.tryLock(WHOLE, 'exclusive')).toBe(true)
  expect(file.tryLock(WHOLE, 'shared')).toBe(false)
  expect(file.tryLock(WRITE, 'shared')).toBe(false)
  expect(file.holder(WHOLE, 'shared')).toMatch(new RegExp(`^process ${broker.pid} \\(python`))
  await broker.kill()
  expect(file.tryLock(WHOLE, 'shared')).toBe(true)
  file.close()
})

test.runIf(python)('our shared lock keeps a broker out', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  file.tryLock(WHOLE, 'shared')
  const broker = await LockProcess.start(path, 'like a broker')
  expect(await broker.tryLock(WHOLE, 'exclusive')).toBe(false)
  expect(await broker.tryLock(WHOLE, 'shared')).toBe(true)
  await broker.unlock(WHOLE)
  file.close()
  expect(await broker.tryLock(WHOLE, 'exclusive')).toBe(true)
})

test('a lock file that was unlinked, or unlinked and remade, is no longer the same file', () => {
  const path = lockPath()
  const file = LockFile.open(path)
  file.tryLock(WHOLE, 'shared')
  expect(file.isSameFile()).toBe(true)
  unlinkSync(path)
  expect(file.isSameFile()).toBe(false)
  writeFileSync(path, '')
  expect(file.isSameFile()).toBe(false)
  const again = LockFile.open(path)
  expect(again.isSameFile()).toBe(true)
  expect(again.tryLock(WHOLE, 'exclusive')).toBe(true)
  file.close()
  again.close()
})

test('the self test passes where locks work, in either mode, and keeps the lock', async () => {
  const path = lockPath()
  const file = LockFile.open(path)
  const other = await LockProcess.start(path)
  for (const mode of ['shared', 'exclusive'] as const) {
    expect(file.tryLock(WRITER_LIFE, mode)).toBe(true)
    expect(file.selfTest(WRITER_LIFE)).toBe(true)
    expect(await other.tryLock(WRITER_LIFE, 'exclusive')).toBe(false)
  }
  // What a file system without real locks looks like: the second opening gets it too.
  file.unlock(WRITER_LIFE)
  expect(file.selfTest(WRITER_LIFE)).toBe(false)
  file.close()
})
