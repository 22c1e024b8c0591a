/**
 * protocol.md, Readers and followers. Proven elsewhere:
 * half a batch of a killed writer is "not yet" at every byte: test/log/partition-log/torn-tail.test.ts;
 * which batches behind damage count: test/log/segment/resync-plan.test.ts;
 * segments that are missing or have lost their end: recovery-point.test.ts;
 * exit 3 and its words, `-F`, and the waiting itself: the tests of the commands.
 */

/**
 * protocol.md, Readers and followers. Proven elsewhere:
 * half a batch of a killed writer is "not yet" at every byte: test/log/partition-log/torn-tail.test.ts;
 * which batches behind damage count: test/log/segment/resync-plan.test.ts;
 * segments that are missing or have lost their end: recovery-point.test.ts;
 * exit 3 and its words, `-F`, and the waiting itself: the tests of the commands.
 */
import fs, { appendFileSync, copyFileSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { CorruptLogError, LogReplacedError } from '../../../src/log/errors.ts'
import { metaPropertiesFile, recoveryPointCheckpointFile } from '../../../src/log/file/names.ts'
import type { BatchReader } from '../../../src/log/partition-log/batch-reader.ts'
import { FileCalls } from '../../helpers/file-calls.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'
import { batchStarts } from '../../helpers/raw-segment.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const segmentName = (base: number) => `${String(base).padStart(20, '0')}.log`
const LOG = segmentName(0)
const kinds = ['log', 'index', 'timeindex']

/** One record a batch, two batches a segment. */
async function segmented(count: number): Promise<TestPartition> {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  await partition.append(Array.from({ length: count }, (_, i) => [`${i % 10}`.repeat(400)]))
  return partition
}

function removeSegment(partition: TestPartition, base: number): void {
  for (const kind of kinds) rmSync(partition.file(segmentName(base).replace('log', kind)))
}

/** Base offsets of what comes up to the end for now. */
function drain(reader: BatchReader): number[] {
  const offsets: number[] = []
  for (let header = reader.next(); header !== undefined; header = reader.next()) offsets.push(header.baseOffset)
  return offsets
}

function openReader(partition: TestPartition, from = 0) {
  const removed: [number, number][] = []
  const reader = partition.log.reader({ from, onRemoved: (first, last) => removed.push([first, last]) })
  onTestFinished(() => reader.close())
  return { reader, removed }
}

test.each(['loglady alone', 'a broker'])(
  'a segment is left only after reading to its end after its successor was seen, where %s wrote',
  async who => {
    const partition = await segmented(3)
    if (who === 'a broker') writeFileSync(join(partition.path, metaPropertiesFile), '')
    const whole = partition.bytes(LOG)
    const later = join(temporaryFolder(), 'later')
    mkdirSync(later)
    for (const kind of kinds) renameSync(partition.file(segmentName(2).replace('log', kind)), join(later, kind))
    truncateSync(partition.file(LOG), batchStarts(whole)[1])
    rmSync(join(partition.path, recoveryPointCheckpointFile))
    const { reader } = openReader(partition)
    expect(reader.next()!.baseOffset).toBe(0)
    let isWritten = false
    const calls = new FileCalls({
      before({ verb, path }) {
        // The reader has met the end of the segment, and looks for another one.
        if (verb !== 'readdir' || path !== partition.folder || isWritten) return
        isWritten = true
        writeFileSync(partition.file(LOG), whole)
        for (const kind of kinds) copyFileSync(join(later, kind), partition.file(segmentName(2).replace('log', kind)))
      },
    })
    expect(drain(reader)).toEqual([1, 2])
    calls.stop()
    expect(isWritten).toBe(true)
  },
)

test('a follower goes over any number of rolls, also when they come between two looks', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  const writer = await partition.writer()
  const { reader } = openReader(partition)
  const seen: number[] = []
  for (let i = 0; i < 40; i++) {
    await writer.append(batchOf(['x'.repeat(700)]))
    if (i % 7 === 0) seen.push(...drain(reader))
  }
  seen.push(...drain(reader))
  expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i))
  await writer.close()
})

test('a watch keeps a change that comes before the wait: what is written between read and wait ends it at once', async () => {
  const partition = await TestPartition.create()
  const watch = partition.log.watch()
  appendFileSync(partition.file(LOG), 'x')
  // The kernel has told of it long before anybody waits.
  await sleep(50)
  await watch.wait(100_000)
  const quiet = watch.wait(100_000).then(() => 'woken')
  expect(await Promise.race([quiet, sleep(50, 'quiet')])).toBe('quiet')
  appendFileSync(partition.file(LOG), 'x')
  expect(await quiet).toBe('woken')
  watch.close()
})

test('polling goes on beside the watch: where nothing notifies, and when the folder goes away', async () => {
  const partition = await TestPartition.create()
  const gone = partition.log.watch()
  rmSync(partition.folder, { recursive: true })
  await gone.wait(100_000)
  await gone.wait(1)
  gone.close()
  const { watch } = fs
  onTestFinished(() => {
    fs.watch = watch
    syncBuiltinESMExports()
  })
  fs.watch = (() => {
    throw new Error('ENOSPC: no watches left')
  }) as unknown as typeof watch
  syncBuiltinESMExports()
  const blind = partition.log.watch()
  await blind.wait(1)
  await blind.wait(1)
  blind.close()
})

test('retention that overtakes a follower: it finishes the segment that it has open, tells the gap once, and goes on', async () => {
  const partition = await segmented(12)
  const { reader, removed } = openReader(partition)
  expect(reader.next()!.baseOffset).toBe(0)
  for (const base of [0, 2, 4, 6]) removeSegment(partition, base)
  expect(reader.next()!.baseOffset).toBe(1)
  expect(removed).toEqual([])
  expect(drain(reader)).toEqual([8, 9, 10, 11])
  expect(removed).toEqual([[2, 7]])
})

test('a segment that retention takes between the listing and the opening is a gap as well', async () => {
  const partition = await segmented(8)
  const { reader, removed } = openReader(partition)
  expect(reader.next()!.baseOffset).toBe(0)
  let isTaken = false
  const calls = new FileCalls({
    before({ verb, name }) {
      if (verb !== 'open' || name !== segmentName(2) || isTaken) return
      isTaken = true
      for (const base of [0, 2]) removeSegment(partition, base)
    },
  })
  expect(drain(reader)).toEqual([1, 4, 5, 6, 7])
  calls.stop()
  expect(removed).toEqual([[2, 3]])
})

test('who starts below the log start is told what is gone', async () => {
  const partition = await segmented(6)
  removeSegment(partition, 0)
  const { reader, removed } = openReader(partition)
  expect(drain(reader)).toEqual([2, 3, 4, 5])
  expect(removed).toEqual([[0, 1]])
})

const cutTo = (partition: TestPartition, batches: number) => {
  truncateSync(partition.file(LOG), batchStarts(partition.bytes(LOG))[batches])
  writeFileSync(join(partition.path, recoveryPointCheckpointFile), `0\n1\nt 0 ${batches}\n`)
}

const cuts: [string, (partition: TestPartition) => Promise<void>][] = [
  ['is shorter than what was read', async partition => cutTo(partition, 1)],
  [
    'has grown again, beyond what was read, by other batches',
    async partition => {
      cutTo(partition, 1)
      await partition.append([['other and longer'], ['x'.repeat(300)]])
    },
  ],
  [
    'has grown again to the very byte that was read',
    async partition => {
      cutTo(partition, 2)
      await partition.append([['C']])
    },
  ],
]

test.each(cuts)('a log that was cut below a follower and now %s is no longer its log', async (_, cut) => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b'], ['c']])
  const { reader } = openReader(partition)
  expect(drain(reader)).toEqual([0, 1, 2])
  await cut(partition)
  const failure = (() => {
    try {
      return drain(reader)
    } catch (error) {
      return error
    }
  })()
  expect(failure).toBeInstanceOf(LogReplacedError)
  expect(failure).toMatchObject({ message: 'the log was cut below offset 3, which had been reached', lastOffset: 2 })
})

test('so is one whose segments went, down to one that the follower had left', async () => {
  const partition = await segmented(6)
  const { reader } = openReader(partition)
  expect(drain(reader)).toHaveLength(6)
  for (const base of [2, 4]) removeSegment(partition, base)
  cutTo(partition, 1)
  await partition.append([['other']])
  expect(() => drain(reader)).toThrow(LogReplacedError)
})

test('and one that was cut in the segment that was read last, while the next ones went', async () => {
  const partition = await segmented(6)
  const { reader } = openReader(partition)
  expect([reader.next()!.baseOffset, reader.next()!.baseOffset]).toEqual([0, 1])
  for (const base of [2, 4]) removeSegment(partition, base)
  cutTo(partition, 1)
  expect(() => reader.next()).toThrow('the log was cut below offset 2, which had been reached')
})

test('a cut above what was read is none of its business', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b']])
  const { reader } = openReader(partition)
  expect(drain(reader)).toEqual([0, 1])
  await partition.append([['c']])
  cutTo(partition, 2)
  expect(drain(reader)).toEqual([])
  await partition.append([['C']])
  expect(drain(reader)).toEqual([2])
})

async function madeAnew(partition: TestPartition, batches: number): Promise<void> {
  await partition.directory.deleteTopic('t')
  await partition.directory.createTopic('t', { config: new Map([['segment.bytes', '1024']]) })
  await partition.append(Array.from({ length: batches }, (_, i) => [`${i}`.repeat(400)]))
}

test.each([
  ['shorter', 1],
  ['as long', 4],
  ['longer, with segments behind the one that is read', 9],
  ['empty', 0],
])('a topic that was made anew under the same name is another one, also if it is %s', async (_, batches) => {
  const partition = await segmented(4)
  const { reader } = openReader(partition)
  expect(drain(reader)).toEqual([0, 1, 2, 3])
  await madeAnew(partition, batches)
  expect(() => drain(reader)).toThrow(LogReplacedError)
  expect(() => drain(reader)).toThrow('t was deleted and made anew; offset 4 had been reached')
})

test('it is noticed in the middle of the old one, at the end of the segment that is open', async () => {
  const partition = await segmented(6)
  const { reader } = openReader(partition)
  expect(reader.next()!.baseOffset).toBe(0)
  await madeAnew(partition, 6)
  expect(reader.next()!.baseOffset).toBe(1)
  expect(() => reader.next()).toThrow('t was deleted and made anew; offset 2 had been reached')
})

test('a topic that is gone is said to be gone', async () => {
  const partition = await segmented(4)
  const { reader } = openReader(partition)
  drain(reader)
  await partition.directory.deleteTopic('t')
  expect(() => drain(reader)).toThrow('the segment was removed while it was read')
})

test('a segment that was replaced by one that goes as far, as compaction and repair do, is read on', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  for (const value of ['a', 'b', 'c']) await writer.append(batchOf([value]))
  const { reader } = openReader(partition)
  expect(drain(reader)).toEqual([0, 1, 2])
  copyFileSync(partition.file(LOG), partition.file('copy'))
  renameSync(partition.file('copy'), partition.file(LOG))
  expect(drain(reader)).toEqual([])
  await writer.append(batchOf(['d']))
  expect(drain(reader)).toEqual([3])
  await writer.close()
})

/** A log whose second batch is damaged, and its bytes as they should be. */
async function damaged(partition: TestPartition, at: number): Promise<Buffer> {
  const good = partition.bytes(LOG)
  const bad = Buffer.from(good)
  bad[batchStarts(good)[1]! + at]! ^= 1
  writeFileSync(partition.file(LOG), bad)
  return good
}

/** A writer that cuts and rewrites a place when the reader has just read it, or is about to look at it again. */
function rewrites(partition: TestPartition, when: 'after the read' | 'before the second look', content: () => Buffer) {
  let isDone = false
  const rewrite = (isDue: boolean) => {
    if (!isDue || isDone) return
    isDone = true
    writeFileSync(partition.file(LOG), content())
  }
  return new FileCalls({
    after: ({ verb, name }) => rewrite(when === 'after the read' && verb === 'read' && name === LOG),
    before: ({ verb, name }) => rewrite(when === 'before the second look' && verb === 'open' && name === LOG),
  })
}

const places: [string, () => Promise<TestPartition>][] = [
  [
    'below the recovery point',
    async () => {
      const partition = await TestPartition.create()
      await partition.append([['a'], ['b'], ['c']])
      return partition
    },
  ],
  [
    'above it with valid batches behind',
    async () => {
      const partition = await TestPartition.create()
      await partition.append([['a'], ['b'], ['c']])
      rmSync(join(partition.path, recoveryPointCheckpointFile))
      return partition
    },
  ],
  ['in a segment that has a successor', () => segmented(3)],
]
const fields: [string, number][] = [
  ['a record', 65],
  ['the base offset', 7],
  ['the length', 11],
]

for (const [where, make] of places) {
  test.each(fields)(
    `before a reader says damage ${where} it reads the batch once more, header included: %s`,
    async (_, at) => {
      const partition = await make()
      const good = await damaged(partition, at)
      const broken = openReader(partition).reader
      expect(() => drain(broken)).toThrow(CorruptLogError)
      const { reader } = openReader(partition)
      const calls = rewrites(partition, 'after the read', () => good)
      expect(drain(reader)).toEqual([0, 1, 2])
      calls.stop()
    },
  )
}

test('each place gets its second look, also when the first turned out to be a cut', async () => {
  const partition = await places[1]![1]()
  const good = await damaged(partition, 65)
  const bad = partition.bytes(LOG)
  const { reader } = openReader(partition)
  expect(reader.next()!.baseOffset).toBe(0)
  const cut = rewrites(partition, 'before the second look', () => good.subarray(0, batchStarts(good)[1]))
  expect(drain(reader)).toEqual([])
  cut.stop()
  writeFileSync(partition.file(LOG), bad)
  const mended = rewrites(partition, 'before the second look', () => good)
  expect(drain(reader)).toEqual([1, 2])
  mended.stop()
})

test('a batch that is only half there is read when it is whole, by the same reader, from any byte on', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a'], ['b']])
  const bytes = partition.bytes(LOG)
  rmSync(join(partition.path, recoveryPointCheckpointFile))
  const [, second] = batchStarts(bytes)
  for (let size = second!; size < bytes.length; size++) {
    writeFileSync(partition.file(LOG), bytes.subarray(0, size))
    const { reader } = openReader(partition)
    expect(drain(reader)).toEqual([0])
    writeFileSync(partition.file(LOG), bytes)
    expect(drain(reader)).toEqual([1])
    reader.close()
  }
})
