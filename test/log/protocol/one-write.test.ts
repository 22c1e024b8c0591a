/**
 * protocol.md, One write. Proven elsewhere:
 * what a killed writer left is cut by the next one at its open, at every byte: test/log/partition-log/torn-tail.test.ts;
 * half a batch of a writer that died during one's own life: there too;
 * the order of syncs and acks of a run: test/log/topic-appender.test.ts; the sync outside the lock: locks.test.ts.
 */
import {
  appendFileSync,
  copyFileSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CorruptLogError, StorageError } from '../../../src/log/errors.ts'
import { WRITE } from '../../../src/log/file/lock-file.ts'
import { recoveryPointCheckpointFile } from '../../../src/log/file/names.ts'
import { stampBatch } from '../../../src/log/record/batch-builder.ts'
import { diskError, type FileCall, FileCalls } from '../../helpers/file-calls.ts'
import { isHeld } from '../../helpers/lock-probe.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'
import { batchStarts, freshIndexes, readIndexes } from '../../helpers/raw-segment.ts'

const LOG = '00000000000000000000.log'
const INDEX = '00000000000000000000.index'
const TIME_INDEX = '00000000000000000000.timeindex'
/** An entry for every batch but the first. */
const config = { 'index.interval.bytes': 1 }
/** Written on a thread. */
const LARGE = 'x'.repeat(100_000)

const valuesOf = (partition: TestPartition) => {
  const { records, error } = partition.read()
  expect(error).toBeUndefined()
  expect(records.map(record => record.offset)).toEqual(records.map((_, i) => i))
  return records.map(record => record.value)
}

/** Two writers of one partition, each with a directory of its own, as two processes would be. */
async function twoWriters(settings: Record<string, number> = {}) {
  const partition = await TestPartition.create(settings)
  const other = new TestPartition(partition.path)
  const [a, b] = [await partition.writer(), await other.writer()]
  return { partition, a, b }
}

const closeAll = (...writers: { close(): Promise<void> }[]) => Promise.all(writers.map(writer => writer.close()))

test('a log that was cut under a writer is opened anew, and offsets go on behind what is left', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  for (const value of ['a', 'b', 'c']) await writer.append(batchOf([value]))
  truncateSync(partition.file(LOG), batchStarts(partition.bytes(LOG))[1])
  await expect(writer.append(batchOf(['d']))).resolves.toEqual({ baseOffset: 1, lastOffset: 1 })
  await writer.close()
  expect(valuesOf(partition)).toEqual(['a', 'd'])
})

test('a log that was replaced under a writer is opened anew: nothing goes into the file that is gone', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a']))
  copyFileSync(partition.file(LOG), partition.file('copy'))
  renameSync(partition.file('copy'), partition.file(LOG))
  await writer.append(batchOf(['b']))
  await writer.close()
  expect(valuesOf(partition)).toEqual(['a', 'b'])
})

test('what others added is followed by its length fields, without reading records or checking a CRC again', async () => {
  const { partition, a, b } = await twoWriters()
  await a.append(batchOf(['a']))
  for (let i = 0; i < 5; i++) await b.append(batchOf(['x'.repeat(1_000_000)]))
  let bytes = 0
  const calls = new FileCalls({
    after({ verb, name, length }) {
      if (verb === 'read' && name === LOG) bytes += length!
    },
  })
  await expect(a.append(batchOf(['c']))).resolves.toEqual({ baseOffset: 6, lastOffset: 6 })
  calls.stop()
  expect(bytes).toBeLessThan(1_000_000)
  await closeAll(a, b)
  expect(valuesOf(partition)).toHaveLength(7)
})

test('two rolls in one tick of the clock are followed: by the name of the next segment, no listing and no timestamp', async () => {
  const { partition, a, b } = await twoWriters({ 'segment.bytes': 1024 })
  await a.append(batchOf(['a']))
  const tick = statSync(partition.folder)
  for (let i = 0; i < 3; i++) await b.append(batchOf(['x'.repeat(900)]))
  expect(b.rolls).toBe(3)
  utimesSync(partition.folder, tick.atime, tick.mtime)
  const calls = new FileCalls()
  await expect(a.append(batchOf(['b']))).resolves.toEqual({ baseOffset: 4, lastOffset: 4 })
  calls.stop()
  expect(calls.lines(['readdir'])).toEqual([])
  expect(calls.of('stat', 't-0')).toEqual([])
  await closeAll(a, b)
  expect(valuesOf(partition)).toHaveLength(5)
})

test('index entries come behind the batches that they name, and those that a dead writer left out before', async () => {
  const { partition, a, b } = await twoWriters(config)
  await a.append(batchOf(['a'], 1000))
  const before = [statSync(partition.file(INDEX)).size, statSync(partition.file(TIME_INDEX)).size]
  await b.append(batchOf(['b'], 2000))
  await b.append(batchOf(['c'], 3000))
  // As if it had died between the batch and its entries.
  truncateSync(partition.file(INDEX), before[0])
  truncateSync(partition.file(TIME_INDEX), before[1])
  const calls = new FileCalls()
  await a.append(batchOf(['d'], 4000))
  calls.stop()
  expect(calls.lines(['write'])).toEqual([
    `write ${INDEX}`,
    `write ${TIME_INDEX}`,
    `write ${LOG}`,
    `write ${INDEX}`,
    `write ${TIME_INDEX}`,
  ])
  await closeAll(a, b)
  expect(readIndexes(partition.file(LOG))).toEqual(freshIndexes(partition.file(LOG), 0, 1))
})

test('batches are written at the position that was found, never by O_APPEND', async () => {
  const { partition, a, b } = await twoWriters({ 'segment.bytes': 1024 })
  const places: (number | null | undefined)[] = []
  const calls = new FileCalls({
    before({ verb, name, path, position }) {
      if (verb !== 'write' || !name.endsWith('.log')) return
      places.push(position)
      expect(position).toBe(statSync(path).size)
    },
  })
  for (let i = 0; i < 6; i++) await [a, b][i % 2]!.append(batchOf(['x'.repeat(300)]))
  await (await new TestPartition(partition.path).writer()).close()
  calls.stop()
  expect(places).toEqual([0, 370, 0, 370, 0, 370])
  const logs = calls.calls.filter(({ verb, name }) => verb === 'open' && name.endsWith('.log'))
  expect(new Set(logs.map(call => call.detail))).toEqual(new Set(['r', 'r+', 'wx']))
  await closeAll(a, b)
})

test('a short write is carried on', async () => {
  const partition = await TestPartition.create(config)
  const writer = await partition.writer()
  const calls = new FileCalls({ before: ({ verb, length }) => (verb === 'write' ? 7 + (length! >> 3) : undefined) })
  const values = ['a', 'bb', LARGE, 'ccc']
  for (const value of values) await writer.append(batchOf([value]))
  await writer.close()
  calls.stop()
  expect(calls.of('write', LOG).length).toBeGreaterThan(40)
  expect(valuesOf(partition)).toEqual(values)
  expect(readIndexes(partition.file(LOG))).toEqual(freshIndexes(partition.file(LOG), 0, 1))
})

/** Fails like a disk that has room for a few more bytes of one file and then for none. */
function fullDisk(file: string, room: number, alsoFails?: (call: FileCall) => boolean) {
  let left = room
  return new FileCalls({
    before(call) {
      if (alsoFails?.(call)) throw diskError('EIO')
      if (call.verb !== 'write' || call.name !== file) return
      if (left === 0) throw diskError('ENOSPC')
      const most = Math.min(left, call.length!)
      left -= most
      return most
    },
  })
}

for (const [what, values, file, room] of [
  ['a write that fails after some bytes', ['c', 'd'], LOG, 30],
  ['a large write, on a thread, that fails after some bytes', ['c', LARGE], LOG, 70_000],
  ['a write whose index entry has no room', ['c', 'd'], INDEX, 8 + 5],
] as const) {
  test(`${what} is cut back before the lock is freed, says what is safe, and is the writer's last`, async () => {
    const { partition, a, b } = await twoWriters(config)
    await a.append(batchOf(['a']))
    await a.sync()
    await b.append(batchOf(['b']))
    const { size } = statSync(partition.file(LOG))
    const end = statSync(partition.file(file)).size
    const disk = fullDisk(file, room)
    const failure = await a.append(batchOf(values)).catch(error => error)
    disk.stop()
    expect(failure).toBeInstanceOf(StorageError)
    expect(failure.message).toBe('cannot write: ENOSPC: not on this disk; offsets below 1 are safe')
    expect(failure).toMatchObject({ path: partition.file(file), position: end })
    expect(statSync(partition.file(LOG)).size).toBe(size)
    await expect(a.append(batchOf(['e']))).rejects.toBe(failure)
    await expect(a.sync()).rejects.toBe(failure)
    await expect(b.append(batchOf(['f']))).resolves.toEqual({ baseOffset: 2, lastOffset: 2 })
    await closeAll(a, b)
    expect(valuesOf(partition)).toEqual(['a', 'b', 'f'])
    expect(readIndexes(partition.file(LOG))).toEqual(freshIndexes(partition.file(LOG), 0, 1))
  })
}

test.each([['small'], [LARGE]])(
  'the cut after a failed write is made while byte 0 is still held (%.5s)',
  async value => {
    const { partition, a, b } = await twoWriters()
    const held: boolean[] = []
    const disk = fullDisk(LOG, 30, ({ verb }) => {
      if (verb === 'ftruncate') held.push(isHeld(partition.file('.lock'), WRITE, 'exclusively'))
      return false
    })
    await expect(a.append(batchOf([value]))).rejects.toThrow('ENOSPC')
    disk.stop()
    expect(held).toEqual([true])
    await closeAll(a, b)
  },
)

test('a sync covers what was written before it, not what is on its way: that one needs another', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['a']))
  const began = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  const calls = new FileCalls({
    before({ verb, name, length }) {
      if (verb !== 'write' || name !== LOG || length! < LARGE.length) return undefined
      began.resolve()
      return goOn.promise
    },
  })
  const appended = writer.append(batchOf([LARGE]))
  await began.promise
  await expect(writer.sync()).resolves.toBe(1)
  goOn.resolve()
  await appended
  await expect(writer.sync()).resolves.toBe(2)
  calls.stop()
  expect(calls.of('fdatasync-async', LOG)).toHaveLength(2)
  await writer.close()
})

test('if the cut fails too, the next holder of the lock makes it', async () => {
  const { partition, a, b } = await twoWriters()
  await b.append(batchOf(['a']))
  const { length } = partition.bytes(LOG)
  const disk = fullDisk(LOG, 200, ({ verb }) => verb === 'ftruncate')
  await expect(a.append(batchOf(['x'.repeat(300)]))).rejects.toThrow('ENOSPC')
  disk.stop()
  expect(partition.bytes(LOG)).toHaveLength(length + 200)
  await expect(b.append(batchOf(['c']))).resolves.toEqual({ baseOffset: 1, lastOffset: 1 })
  // Shorter than what was left there, so none of that may stand behind it.
  expect(batchStarts(partition.bytes(LOG))).toEqual([0, length, 2 * length])
  await closeAll(a, b)
  expect(valuesOf(partition)).toEqual(['a', 'c'])
})

test('and if even that one cannot cut, it writes nothing over what is there', async () => {
  const { partition, a, b } = await twoWriters()
  await b.append(batchOf(['a']))
  appendFileSync(partition.file(LOG), 'half a batch')
  const before = partition.bytes(LOG)
  const disk = fullDisk(LOG, 1000, ({ verb }) => verb === 'ftruncate')
  await expect(b.append(batchOf(['b']))).rejects.toThrow('cannot cut what a dead writer left')
  disk.stop()
  expect(partition.bytes(LOG)).toEqual(before)
  await closeAll(a, b)
})

test('CRCs are checked once, at open and before the lock is taken; under it the tail alone is looked at', async () => {
  const partition = await TestPartition.create()
  await partition.append(Array.from({ length: 40 }, () => ['x'.repeat(100_000)]))
  rmSync(join(partition.path, recoveryPointCheckpointFile))
  const bytes = { held: 0, free: 0 }
  const calls = new FileCalls({
    before({ verb, name, length }) {
      if (verb === 'read' && name === LOG) bytes[isHeld(partition.file('.lock'), WRITE) ? 'held' : 'free'] += length!
    },
  })
  const writer = await partition.writer()
  calls.stop()
  expect(bytes.free).toBeGreaterThan(4_000_000)
  expect(bytes.held).toBeLessThan(500_000)
  await writer.close()
})

/** Two records that were never acknowledged. */
function failing(): Buffer {
  const batch = batchOf(['seen, but never acknowledged', 'and neither was this'])
  stampBatch(batch, 0, 1, 0)
  return batch
}

/** The value of a single record that makes a batch of so many bytes. */
function sameSize({ length }: Buffer): string {
  for (let size = 1; ; size++) if (batchOf(['y'.repeat(size)]).length === length) return 'y'.repeat(size)
}

/** Runs `action` when the opening writer has checked the log and is about to go on under the lock. */
function betweenTheHalvesOfRecovery(partition: TestPartition, action: () => void): FileCalls {
  let isDone = false
  return new FileCalls({
    before({ path }) {
      if (isDone || path === partition.file('.lock') || !isHeld(partition.file('.lock'), WRITE)) return
      isDone = true
      action()
    },
  })
}

test.each([
  ['a longer one', 'x'.repeat(500)],
  ['a shorter one', ''],
  ['one that ends at the same byte', sameSize(failing())],
])(
  'a batch that was checked, then cut back by its writer and replaced by %s, is not what the next writer builds on',
  async (_, value) => {
    const partition = await TestPartition.create()
    await partition.append([['a']])
    const whole = partition.bytes(LOG)
    appendFileSync(partition.file(LOG), failing())
    const calls = betweenTheHalvesOfRecovery(partition, () => {
      const acknowledged = batchOf([value])
      stampBatch(acknowledged, 0, 1, 0)
      writeFileSync(partition.file(LOG), Buffer.concat([whole, acknowledged]))
    })
    const writer = await partition.writer()
    calls.stop()
    await expect(writer.append(batchOf(['next']))).resolves.toEqual({ baseOffset: 2, lastOffset: 2 })
    await writer.close()
    expect(valuesOf(partition)).toEqual(['a', value, 'next'])
  },
)

test('what was added between the check and the lock is checked under the lock', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a']])
  const bad = batchOf(['b'])
  stampBatch(bad, 0, 1, 0)
  bad[bad.length - 2]! ^= 1
  const calls = betweenTheHalvesOfRecovery(partition, () => appendFileSync(partition.file(LOG), bad))
  const writer = await partition.writer()
  calls.stop()
  expect(partition.notes.at(-1)).toContain('CRC mismatch')
  await expect(writer.append(batchOf(['next']))).resolves.toEqual({ baseOffset: 1, lastOffset: 1 })
  await writer.close()
  expect(valuesOf(partition)).toEqual(['a', 'next'])
})

test('an append that rolls on its way gives dense offsets, and what was written before it failed stays', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  const writer = await partition.writer()
  const batches = Buffer.concat(Array.from({ length: 5 }, (_, i) => batchOf([`${i}`.repeat(300), '-'])))
  await expect(writer.append(batches)).resolves.toEqual({ baseOffset: 0, lastOffset: 9 })
  expect(writer.rolls).toBe(2)
  await expect(writer.append(batchOf(['x'.repeat(2000)]))).rejects.toThrow('does not fit into a segment of 1024')
  await writer.close()
  expect(valuesOf(partition)).toHaveLength(10)
})

test('a log that a writer finds shorter than its recovery point is damage, and its own file is let go', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b']])
  const writer = await partition.writer()
  await writer.append(batchOf(['c']))
  const fd = openSync(partition.file(LOG), 'r+')
  ftruncateSync(fd, batchStarts(partition.bytes(LOG))[1])
  await expect(writer.append(batchOf(['d']))).rejects.toThrow(CorruptLogError)
  await writer.close()
})
