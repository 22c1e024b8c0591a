/**
 * protocol.md, Locks. Proven elsewhere:
 * byte ranges of one file are independent, a wait blocks on a thread in the kernel's queue, the locks die with their
 * process, closing another descriptor frees nothing: test/log/file/lock-file.test.ts;
 * `loglady.lock` around every change of a checkpoint, by many processes: test/log/file/offset-checkpoint.test.ts,
 * directory-lock.test.ts; a group's own byte: test/log/file/group-checkpoint.test.ts.
 */
import fs, { cpSync, mkdirSync, renameSync, statSync, unlinkSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { LockedError, StorageError } from '../../../src/log/errors.ts'
import { LockFile, WHOLE, WRITE, WRITER_LIFE } from '../../../src/log/file/lock-file.ts'
import { FileCalls } from '../../helpers/file-calls.ts'
import { isHeld } from '../../helpers/lock-probe.ts'
import { hasPython, LockProcess } from '../../helpers/lock-process.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'

const directoryLock = (partition: TestPartition) => join(partition.path, '.lock')
const sharedLock = (partition: TestPartition) => join(partition.path, 'loglady.lock')
const partitionLock = (partition: TestPartition) => partition.file('.lock')

test('whoever writes holds the lock of the directory shared, from its first change to its end', async () => {
  const one = await TestPartition.create()
  const two = new TestPartition(one.path)
  expect(isHeld(directoryLock(one), WHOLE)).toBe(true)
  expect(isHeld(directoryLock(one), WHOLE, 'exclusively')).toBe(false)
  const writer = await two.writer()
  one.close()
  expect(isHeld(directoryLock(one), WHOLE)).toBe(true)
  await writer.close()
  two.close()
  expect(isHeld(directoryLock(one), WHOLE)).toBe(false)
})

test('reading takes no lock and makes no file', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a']])
  partition.close()
  const reader = new TestPartition(partition.path)
  const calls = new FileCalls()
  expect(reader.read().records).toHaveLength(1)
  expect(reader.log.offsetForTimestamp(0)?.offset).toBe(0)
  calls.stop()
  expect(calls.lines(['open'], call => call.name.includes('lock') || !/^(r|0)$/.test(call.detail!))).toEqual([])
  expect(isHeld(directoryLock(partition), WHOLE)).toBe(false)
})

const brokers = hasPython() ? (['like a broker', 'ours'] as const) : (['ours'] as const)

test.each(brokers)(
  'every change is refused while the directory is locked exclusively (%s), and reads go on',
  async kind => {
    const partition = await TestPartition.create()
    await partition.append([['a']])
    partition.close()
    const broker = await LockProcess.start(directoryLock(partition), kind)
    expect(await broker.tryLock(WHOLE, 'exclusive')).toBe(true)
    const { directory } = new TestPartition(partition.path)
    const changes = [
      () => directory.partitionWriter('t', 0),
      () => directory.topicAppender('t'),
      () => directory.createTopic('u'),
      () => directory.alterTopic('t', { partitions: 2 }),
      () => directory.deleteTopic('t'),
    ]
    for (const change of changes) {
      await expect(change()).rejects.toThrow(LockedError)
      await expect(change()).rejects.toThrow(`process ${broker.pid}`)
    }
    expect(new TestPartition(partition.path).read().records).toHaveLength(1)
    await broker.kill()
    await (await directory.partitionWriter('t', 0)).close()
    directory.close()
  },
)

test('a lock on a file that a broker has unlinked meanwhile does not count: the path is opened again', async () => {
  const partition = await TestPartition.create()
  partition.close()
  let unlinked = 0
  new FileCalls({
    after({ verb, path }) {
      if (verb !== 'open' || path !== directoryLock(partition) || unlinked > 0) return
      unlinkSync(path)
      unlinked++
    },
  })
  const again = new TestPartition(partition.path)
  again.directory.lockShared()
  expect(unlinked).toBe(1)
  expect(isHeld(directoryLock(partition), WHOLE)).toBe(true)
  again.close()
})

test('byte 0 is held exclusively around one write and its roll, and neither between writes nor for a sync', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 * 100 })
  const writer = await partition.writer()
  const path = partitionLock(partition)
  const held: Record<string, boolean[]> = { write: [], fdatasync: [], 'fdatasync-async': [] }
  const calls = new FileCalls({
    before({ verb, name }) {
      if (name.endsWith('.log')) held[verb]?.push(isHeld(path, WRITE, 'exclusively'))
    },
  })
  for (let i = 0; i < 4; i++) {
    // The large ones are written on a thread.
    await writer.append(batchOf(['x'.repeat(i < 2 ? 60_000 : 80_000)]))
    expect(isHeld(path, WRITE)).toBe(false)
    await writer.sync()
    expect(isHeld(path, WRITE)).toBe(false)
  }
  calls.stop()
  expect(writer.rolls).toBe(3)
  expect(held).toEqual({
    write: [true, true, true, true],
    fdatasync: [true, true, true],
    'fdatasync-async': [false, false, false, false],
  })
  await writer.close()
  expect(isHeld(path, WRITE)).toBe(false)
})

test('a writer that waits for byte 0 blocks nobody but itself, and after a second names the holder', async () => {
  const partition = await TestPartition.create()
  partition.notes.length = 0
  const writer = await partition.writer()
  const holder = await LockProcess.start(partitionLock(partition))
  await holder.tryLock(WRITE, 'exclusive')
  let isAppended = false
  const appended = writer.append(batchOf(['a'])).then(() => {
    isAppended = true
  })
  while (partition.notes.length === 0) await sleep(10)
  expect(partition.notes).toEqual([
    expect.stringMatching(`^waiting for the lock of t/0, held by process ${holder.pid} `),
  ])
  expect(isAppended).toBe(false)
  expect(partition.bytes('00000000000000000000.log')).toHaveLength(0)
  await holder.unlock(WRITE)
  await appended
  await writer.close()
})

test('byte 1 is held shared by each writer for its life; deleting the topic is refused meanwhile and names one', async () => {
  const partition = await TestPartition.create()
  const path = partitionLock(partition)
  expect(isHeld(path, WRITER_LIFE)).toBe(false)
  const writers = [await partition.writer(), await new TestPartition(partition.path).writer()]
  for (const writer of writers) {
    expect(isHeld(path, WRITER_LIFE)).toBe(true)
    expect(isHeld(path, WRITER_LIFE, 'exclusively')).toBe(false)
    await expect(partition.directory.deleteTopic('t')).rejects.toThrow(
      expect.objectContaining({ code: 'LOGLADY_LOCKED', message: 't/0 is being written by this process' }),
    )
    expect(partition.logs()).toHaveLength(1)
    await writer.close()
  }
  await partition.directory.deleteTopic('t')
  expect(partition.directory.hasTopic('t')).toBe(false)
})

test('whatever holds byte 1 exclusively keeps new writers waiting until it is done', async () => {
  const partition = await TestPartition.create()
  const repair = LockFile.open(partitionLock(partition))
  await repair.lock(WRITER_LIFE, 'exclusive')
  let isOpen = false
  const opened = partition.writer().then(writer => {
    isOpen = true
    return writer
  })
  await sleep(50)
  expect(isOpen).toBe(false)
  repair.close()
  await (await opened).close()
})

test('a writer that waited while its topic was deleted and made anew locks the new one', async () => {
  const partition = await TestPartition.create()
  const deletion = LockFile.open(partitionLock(partition))
  await deletion.lock(WRITER_LIFE, 'exclusive')
  const calls = new FileCalls()
  const opened = partition.writer()
  while (!calls.of('open', '.lock').some(({ path }) => path === partitionLock(partition))) await sleep(1)
  await sleep(20)
  calls.stop()
  const old = `${partition.folder}.0123456789abcdef0123456789abcdef-delete`
  renameSync(partition.folder, old)
  mkdirSync(partition.folder)
  for (const name of fs.readdirSync(old).filter(name => name !== '.lock')) cpSync(join(old, name), partition.file(name))
  deletion.close()
  const writer = await opened
  expect(isHeld(partitionLock(partition), WRITER_LIFE)).toBe(true)
  expect(isHeld(join(old, '.lock'), WRITER_LIFE)).toBe(false)
  await writer.close()
})

test('locks are taken in the order of the table: directory, partition, files of the directory', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  partition.close()
  const later = {
    [directoryLock(partition)]: [partitionLock(partition), sharedLock(partition)],
    [partitionLock(partition)]: [sharedLock(partition)],
  }
  const opened = new Set<string>()
  const wrong: string[] = []
  const calls = new FileCalls({
    before({ verb, path }) {
      if (verb !== 'open' || !path.endsWith('lock')) return
      opened.add(path)
      for (const other of later[path] ?? []) if (isHeld(other, WHOLE)) wrong.push(`${path} is locked after ${other}`)
    },
  })
  const again = new TestPartition(partition.path)
  const writer = await again.writer()
  for (let i = 0; i < 3; i++) await writer.append(batchOf(['x'.repeat(700)]))
  await writer.sync()
  await writer.close()
  await again.directory.createTopic('u', { partitions: 2 })
  await (await again.directory.partitionWriter('u', 1)).close()
  await again.directory.alterTopic('u', { partitions: 3 })
  await again.directory.deleteTopic('t')
  calls.stop()
  again.close()
  expect(opened).toContain(sharedLock(partition))
  expect(opened).toContain(partitionLock(partition))
  expect(wrong).toEqual([])
})

test('lock files are never unlinked, replaced or written', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  await partition.append([['a']])
  const inodes = () => [directoryLock, partitionLock, sharedLock].map(lockOf => statSync(lockOf(partition)).ino)
  const before = inodes()
  const calls = new FileCalls()
  await partition.append([['x'.repeat(700)], ['y'.repeat(700)], ['z'.repeat(700)]])
  await partition.directory.alterTopic('t', { config: new Map([['segment.ms', '1000']]) })
  partition.close()
  calls.stop()
  expect(inodes()).toEqual(before)
  expect(calls.lines(['write', 'rename', 'unlink', 'rm'], ({ path }) => /lock$/.test(path))).toEqual([])
  for (const lockOf of [directoryLock, partitionLock, sharedLock]) expect(statSync(lockOf(partition)).size).toBe(0)
})

test('where the file system grants every lock no writer opens', async () => {
  const partition = await TestPartition.create()
  vi.spyOn(LockFile.prototype, 'selfTest').mockReturnValue(false)
  onTestFinished(() => {
    vi.restoreAllMocks()
  })
  await expect(partition.writer()).rejects.toThrow(StorageError)
  await expect(partition.writer()).rejects.toThrow('this file system grants every lock')
  vi.restoreAllMocks()
  expect(isHeld(partitionLock(partition), WRITER_LIFE)).toBe(false)
  await (await partition.writer()).close()
})

test.each([
  ['NFS', 0x6969],
  ['SMB', 0xfe534d42],
  ['9p', 0x01021997],
  ['FUSE', 0x65735546],
])('on %s a writer says once that all writers must be on one host', async (name, type) => {
  const partition = await TestPartition.create()
  partition.notes.length = 0
  const { statfsSync } = fs
  const setStatfs = (replacement: unknown) => {
    fs.statfsSync = replacement as typeof statfsSync
    syncBuiltinESMExports()
  }
  onTestFinished(() => setStatfs(statfsSync))
  setStatfs(() => ({ type }))
  for (let i = 0; i < 2; i++) await (await partition.writer()).close()
  expect(partition.notes).toEqual([`the data directory is on ${name}: all its writers must run on one host`])
  setStatfs(statfsSync)
  const local = new TestPartition(partition.path)
  await (await local.writer()).close()
  expect(local.notes).toEqual([])
})
