/**
 * protocol.md, A failed sync. Proven elsewhere:
 * the mark itself, its place and what becomes of a second one: test/log/file/unsynced-mark.test.ts;
 * a sync that fails at a roll, or for what another writer rolled: roll.test.ts; at the end of recovery:
 * recovery-point.test.ts; acks that wait for their sync: test/log/topic-appender.test.ts.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { StorageError, SyncFailedError } from '../../../src/log/errors.ts'
import { LockFile, WRITE } from '../../../src/log/file/lock-file.ts'
import { readUnsyncedMark, writeUnsyncedMark } from '../../../src/log/file/unsynced-mark.ts'
import type { Ack } from '../../../src/log/partition-appender.ts'
import type { PartitionWriter } from '../../../src/log/partition-log/partition-writer.ts'
import { diskError, type FileCall, FileCalls } from '../../helpers/file-calls.ts'
import { isHeld } from '../../helpers/lock-probe.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'

const LOG = '00000000000000000000.log'
const valuesOf = (partition: TestPartition) => partition.read().records.map(record => record.value)

/** A disk on which these calls fail with EIO. */
function failingDisk(fails: (call: FileCall) => boolean): FileCalls {
  return new FileCalls({
    before(call) {
      if (fails(call)) throw diskError('EIO')
    },
  })
}
const isLogSync = ({ verb, name }: FileCall) => verb.startsWith('fdatasync') && name.endsWith('.log')

/** Two synced records, and a writer that has appended a third and failed to sync it. */
async function failedSync() {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a', 'b']))
  await writer.sync()
  const safeBytes = partition.bytes(LOG).length
  await writer.append(batchOf(['c']))
  const disk = failingDisk(isLogSync)
  const failure = await writer.sync().catch(error => error)
  disk.stop()
  return { partition, writer, failure, safeBytes, bytes: partition.bytes(LOG), disk }
}

test('it names the offsets that are safe and leaves the first byte in doubt behind', async () => {
  const { partition, writer, failure, safeBytes } = await failedSync()
  expect(failure).toBeInstanceOf(SyncFailedError)
  expect(failure.message).toBe('fdatasync failed: EIO: not on this disk; offsets below 2 are safe')
  expect(failure.path).toBe(partition.file(LOG))
  expect(readUnsyncedMark(partition.folder)).toEqual({ baseOffset: 0, position: safeBytes })
  await writer.close()
})

test('nobody asks again: the writer stops, and everything else that is asked of it is the same error', async () => {
  const { partition, writer, failure, bytes, disk } = await failedSync()
  expect(disk.lines(['fdatasync', 'fdatasync-async'])).toEqual([`fdatasync-async ${LOG}`])
  const calls = new FileCalls()
  for (const call of [() => writer.sync(), () => writer.append(batchOf(['d'])), () => writer.sync()]) {
    await expect(call()).rejects.toBe(failure)
  }
  await writer.close()
  calls.stop()
  expect(calls.lines(['fdatasync', 'fdatasync-async', 'fsync', 'write', 'rename'])).toEqual([])
  expect(partition.bytes(LOG)).toEqual(bytes)
})

test('an append that waits for the lock while a sync fails does not write any more', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a']))
  const before = partition.bytes(LOG)
  const other = LockFile.open(partition.file('.lock'))
  await other.lock(WRITE, 'exclusive')
  const appended = writer.append(batchOf(['b'])).catch(error => error)
  const disk = failingDisk(isLogSync)
  const synced = writer.sync().catch(error => error)
  while (disk.calls.length === 0) await new Promise(resolve => setTimeout(resolve, 1))
  await new Promise(resolve => setTimeout(resolve, 5))
  other.close()
  expect(await appended).toBeInstanceOf(SyncFailedError)
  expect(await synced).toBeInstanceOf(SyncFailedError)
  disk.stop()
  expect(partition.bytes(LOG)).toEqual(before)
  await writer.close()
})

test('the mark is left under byte 0, so that no recovery removes it unseen', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a']))
  const held: boolean[] = []
  const disk = failingDisk(call => {
    if (call.verb === 'rename' && call.detail!.endsWith('unsynced')) {
      held.push(isHeld(partition.file('.lock'), WRITE, 'exclusively'))
    }
    return isLogSync(call)
  })
  await expect(writer.sync()).rejects.toThrow(SyncFailedError)
  disk.stop()
  expect(held).toEqual([true])
  await writer.close()
  expect(isHeld(partition.file('.lock'), WRITE)).toBe(false)
})

test('if the mark cannot be left, the message says so', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a']))
  const disk = failingDisk(call => isLogSync(call) || call.name === 'unsynced.tmp')
  await expect(writer.sync()).rejects.toThrow(
    /^fdatasync failed: EIO: not on this disk; offsets below 0 are safe; the mark of unsynced bytes could not be left: /,
  )
  disk.stop()
  expect(existsSync(partition.file('unsynced'))).toBe(false)
  await writer.close()
})

test('a failed sync acknowledges nothing, and the run ends with it', async () => {
  const partition = await TestPartition.create()
  const acks: Ack[] = []
  const appender = await partition.directory.topicAppender('t', {
    sync: 'batch',
    lingerMs: 1e6,
    onAck: ack => acks.push(ack),
  })
  const value = Buffer.from('a')
  expect(appender.append(null, 0, 0, value, 0, 1)).toBe(true)
  await appender.flush()
  const disk = failingDisk(isLogSync)
  expect(appender.append(null, 0, 0, value, 0, 1)).toBe(true)
  await expect(appender.close()).rejects.toThrow('offsets below 1 are safe')
  disk.stop()
  expect(acks.map(ack => ack.lastOffset)).toEqual([0])
  expect(appender.summary().synced).toBe(false)
})

test('a sync goes through the descriptor that was written through', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  const calls = new FileCalls()
  const writer = await partition.writer()
  for (let i = 0; i < 3; i++) {
    await writer.append(batchOf(['x'.repeat(700)]))
    await writer.sync()
  }
  calls.stop()
  const written = calls.calls.filter(({ verb, name }) => verb === 'write' && name.endsWith('.log'))
  const synced = calls.calls.filter(isLogSync)
  for (const { name, fd } of written) {
    const descriptors = synced.filter(call => call.name === name).map(call => call.fd)
    expect(descriptors.length).toBeGreaterThan(0)
    expect(new Set(descriptors)).toEqual(new Set([fd]))
  }
  await writer.close()
})

/** Opens the next writer and gives what it asked of the disk, with the bytes that it wrote into the log. */
async function openAfter(partition: TestPartition): Promise<{ writer: PartitionWriter; calls: FileCalls }> {
  const calls = new FileCalls()
  const writer = await new TestPartition(partition.path).writer()
  return { writer, calls }
}

const isRewrite = ({ verb, name }: FileCall) =>
  (verb === 'write' && name.endsWith('.log')) || isLogSync({ verb, name } as FileCall) || name === 'unsynced'

test('the next writer writes the bytes in doubt once more, syncs them, and only then takes the mark away and appends', async () => {
  const { partition, writer: failed, safeBytes, bytes } = await failedSync()
  await failed.close()
  const { writer, calls } = await openAfter(partition)
  expect(partition.bytes(LOG)).toEqual(bytes)
  await writer.append(batchOf(['d']))
  calls.stop()
  const order = calls.lines(['write', 'fdatasync', 'unlink'], isRewrite)
  expect(order).toEqual([`write ${LOG}`, `fdatasync ${LOG}`, 'unlink unsynced', `fdatasync ${LOG}`, `write ${LOG}`])
  expect(calls.of('write', LOG)[0]).toMatchObject({ position: safeBytes, length: bytes.length - safeBytes })
  expect(readUnsyncedMark(partition.folder)).toBeUndefined()
  await writer.close()
  expect(valuesOf(partition)).toEqual(['a', 'b', 'c', 'd'])
})

test('also what lies in later segments', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  await partition.append(Array.from({ length: 4 }, (_, i) => [`${i}`.repeat(700)]))
  writeUnsyncedMark(partition.folder, { baseOffset: 1, position: 0 })
  const { writer, calls } = await openAfter(partition)
  calls.stop()
  const logs = partition.logs().slice(1)
  expect(logs).toHaveLength(3)
  for (const name of logs) {
    expect(calls.of('write', name)).toHaveLength(1)
    expect(calls.of('fdatasync', name)).toHaveLength(1)
  }
  expect(calls.of('write', LOG)).toEqual([])
  await writer.close()
})

test.each([
  ['write', ({ verb, name }: FileCall) => verb === 'write' && name === LOG],
  ['sync', isLogSync],
])('if that %s fails no writer opens, nothing is appended, and the mark stays', async (_, fails) => {
  const { partition, writer: failed, bytes } = await failedSync()
  await failed.close()
  const mark = readUnsyncedMark(partition.folder)!
  const disk = failingDisk(fails)
  const failure = await partition.writer().catch(error => error)
  disk.stop()
  expect([StorageError, SyncFailedError]).toContain(failure.constructor)
  expect(readUnsyncedMark(partition.folder)).toMatchObject({ baseOffset: 0 })
  expect(readUnsyncedMark(partition.folder)!.position).toBeLessThanOrEqual(mark.position)
  expect(partition.bytes(LOG)).toEqual(bytes)
  await partition.append([['d']])
  expect(valuesOf(partition)).toEqual(['a', 'b', 'c', 'd'])
})

test('a mark that is unreadable puts everything from the segment of the recovery point on in doubt', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b']])
  writeFileSync(partition.file('unsynced'), 'no mark')
  const { length } = partition.bytes(LOG)
  const { writer, calls } = await openAfter(partition)
  calls.stop()
  expect(calls.of('write', LOG)).toMatchObject([{ position: 0, length }])
  expect(existsSync(partition.file('unsynced'))).toBe(false)
  await writer.close()
})

test('a writer that lives on beside the one that failed loses nothing of its own', async () => {
  const partition = await TestPartition.create()
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  await a.append(batchOf(['a']))
  const disk = failingDisk(isLogSync)
  await expect(a.sync()).rejects.toThrow(SyncFailedError)
  disk.stop()
  await a.close()
  await b.append(batchOf(['b']))
  await expect(b.sync()).resolves.toBe(2)
  await b.close()
  expect(readUnsyncedMark(partition.folder)).toEqual({ baseOffset: 0, position: 0 })
  await partition.append([['c']])
  expect(valuesOf(partition)).toEqual(['a', 'b', 'c'])
  expect(readdirSync(partition.folder)).not.toContain('unsynced')
})
