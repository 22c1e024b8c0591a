import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WRITE } from '../../../src/log/file/lock-file.ts'
import { OffsetIndex } from '../../../src/log/file/offset-index.ts'
import { type ReindexOptions, type ReindexResult, reindexSegment } from '../../../src/log/maintenance/reindex.ts'
import { reindexAll } from '../../../src/log/maintenance/reindex-jobs.ts'
import { reindexTargets, reindexTopicTargets } from '../../../src/log/maintenance/reindex-targets.ts'
import { LockProcess } from '../../helpers/lock-process.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

/** Some segments of about 60 batches, indexed every 500 bytes; timestamps go back now and then. */
async function indexedPartition(): Promise<TestPartition> {
  const partition = await TestPartition.create({ 'segment.bytes': 8192, 'index.interval.bytes': 500 })
  const writer = await partition.writer()
  for (let n = 0; n < 250; n++) {
    await writer.append(batchOf([`value ${n}`, 'x'.repeat(n % 50)], 1_700_000_000_000 + n * 10 + ((n * 7919) % 50)))
  }
  await writer.sync()
  await writer.close()
  partition.close()
  return partition
}

function indexFiles(partition: TestPartition): Map<string, Buffer> {
  const names = readdirSync(partition.folder)
    .filter(name => name.endsWith('index'))
    .sort()
  return new Map(names.map(name => [name, partition.bytes(name)]))
}

async function reindex(partition: TestPartition, options: ReindexOptions = {}): Promise<ReindexResult[]> {
  const results: ReindexResult[] = []
  for (const segment of reindexTargets(partition.folder)) results.push(await reindexSegment(segment, options))
  return results
}

test('what a writer leaves equals a fresh build, and the check finds nothing', async () => {
  const partition = await indexedPartition()
  expect(partition.logs().length).toBeGreaterThan(2)
  const before = indexFiles(partition)
  for (const result of await reindex(partition, { check: true })) {
    expect(result).toMatchObject({
      index: 'right',
      timeIndex: 'right',
      isStale: false,
      isRebuilt: false,
      topic: 't',
      partition: 0,
    })
  }
  for (const result of await reindex(partition)) expect(result.isRebuilt).toBe(false)
  for (const result of await reindex(partition, { all: true })) expect(result.isRebuilt).toBe(true)
  expect(indexFiles(partition)).toEqual(before)
})

type Damage = (path: string, bytes: Buffer) => void

/** What can become of an index, and what the check calls it in the first, rolled segment; undefined: it does no harm. */
const damages: [string, Damage, string | undefined][] = [
  ['lost', path => rmSync(path), 'missing'],
  ['cut between entries', (path, bytes) => truncateSync(path, bytes.length - 24), undefined],
  ['cut inside an entry', (path, bytes) => truncateSync(path, bytes.length - 1), 'wrong'],
  ['padded', path => appendFileSync(path, Buffer.alloc(240)), 'padded'],
  [
    'padded with something behind',
    path => appendFileSync(path, Buffer.concat([Buffer.alloc(240), Buffer.alloc(24, 7)])),
    'wrong',
  ],
  ['with an entry of garbage', (path, bytes) => writeFileSync(path, Buffer.from(bytes).fill(0x5a, 24, 48)), 'wrong'],
  ['with a hole of zeros', (path, bytes) => writeFileSync(path, Buffer.from(bytes).fill(0, 24, 72)), 'wrong'],
  ['ahead of the log', path => appendFileSync(path, Buffer.alloc(24, 0x11)), 'wrong'],
  ['twice the same', (path, bytes) => appendFileSync(path, bytes), 'wrong'],
  ['all garbage', (path, bytes) => writeFileSync(path, Buffer.alloc(bytes.length, 0xee)), 'wrong'],
]

for (const ending of ['index', 'timeindex'] as const) {
  test.each(damages)(`a .${ending} %s is built anew, and reads stay right`, async (_name, damage, expected) => {
    const partition = await indexedPartition()
    const before = indexFiles(partition)
    const log = partition.log
    const wanted = partition.read().records
    const path = partition.file(`00000000000000000000.${ending}`)
    damage(path, readFileSync(path))
    const atDamage = existsSync(path) ? readFileSync(path) : undefined

    const [checked] = await reindex(partition, { check: true })
    const state = ending === 'index' ? checked!.index : checked!.timeIndex
    // A short time index of a rolled segment hides the segment's largest timestamp.
    const expectedHere = expected ?? (ending === 'index' ? 'right' : 'short')
    expect(state).toBe(expectedHere)
    expect(checked!.isStale).toBe(expectedHere !== 'right')
    expect(existsSync(path) ? readFileSync(path) : undefined).toEqual(atDamage)
    expect(partition.read().records).toEqual(wanted)
    expect(log.logEndOffset()).toBe(500)

    const [result] = await reindex(partition, { all: expectedHere === 'right' })
    expect(result!.isRebuilt).toBe(true)
    expect(indexFiles(partition)).toEqual(before)
    expect(readdirSync(partition.folder).filter(name => name.endsWith('.tmp'))).toEqual([])
  })
}

test('a padded index of the newest segment is not stale', async () => {
  const partition = await indexedPartition()
  const newest = partition.logs().at(-1)!.replace('.log', '')
  appendFileSync(partition.file(`${newest}.index`), Buffer.alloc(800))
  appendFileSync(partition.file(`${newest}.timeindex`), Buffer.alloc(1200))
  for (const result of await reindex(partition, { check: true })) expect(result.isStale).toBe(false)
})

test('an index that leaves more than 1 MiB without an entry is short', async () => {
  const partition = await TestPartition.create({ 'index.interval.bytes': 4096 })
  await partition.append(Array.from({ length: 40 }, () => ['v'.repeat(50_000)]))
  partition.close()
  const path = partition.file('00000000000000000000.index')
  truncateSync(path, 8 * 25)
  expect(await reindex(partition, { check: true })).toMatchObject([{ index: 'right', timeIndex: 'right' }])
  truncateSync(path, 8 * 10)
  expect(await reindex(partition, { check: true })).toMatchObject([
    { index: 'short', timeIndex: 'right', isStale: true },
  ])
  await reindex(partition)
  expect(readFileSync(path).length).toBe(8 * 39)
})

test('a writer that has the files open goes on in the new ones', async () => {
  const partition = await indexedPartition()
  const writer = await partition.writer()
  await writer.append(batchOf(['before']))
  await reindex(partition, { all: true })
  for (let n = 0; n < 20; n++) await writer.append(batchOf([`after ${n}`.repeat(10)]))
  await writer.sync()
  await writer.close()
  partition.close()
  const written = indexFiles(partition)
  await reindex(partition, { all: true })
  expect(indexFiles(partition)).toEqual(written)
  expect(partition.read().records).toHaveLength(521)
})

test('a reader keeps the index that it has open', async () => {
  const partition = await indexedPartition()
  const index = OffsetIndex.open(partition.file('00000000000000000000.index'), 0)!
  const before = [...index.scan()]
  await reindex(partition, { all: true })
  expect([...index.scan()]).toEqual(before)
  index.close()
})

test('the files are replaced only under the lock of a write', async () => {
  const partition = await indexedPartition()
  const before = indexFiles(partition)
  rmSync(partition.file('00000000000000000000.index'))
  const holder = await LockProcess.start(partition.file('.lock'))
  await holder.tryLock(WRITE, 'exclusive')
  const waits: string[] = []
  const running = reindex(partition, { onWait: name => waits.push(name) })
  await expect.poll(() => waits, { timeout: 20_000 }).toHaveLength(1)
  expect(existsSync(partition.file('00000000000000000000.index'))).toBe(false)
  await holder.unlock(WRITE)
  await running
  expect(waits[0]).toContain(String(holder.pid))
  expect(indexFiles(partition)).toEqual(before)
})

test('what is appended between the look and the lock is indexed too', async () => {
  const partition = await indexedPartition()
  const newest = partition.logs().at(-1)!.replace('.log', '')
  rmSync(partition.file(`${newest}.index`))
  const holder = await LockProcess.start(partition.file('.lock'))
  await holder.tryLock(WRITE, 'exclusive')
  let hasAppended = false
  const running = reindex(partition, {
    onWait: () => {
      // As a writer would under the lock, which the other process stands for.
      const log = partition.file(`${newest}.log`)
      const batch = batchOf(['late'.repeat(300)])
      batch.writeBigInt64BE(500n, 0)
      appendFileSync(log, batch)
      hasAppended = true
    },
  })
  await expect.poll(() => hasAppended, { timeout: 20_000 }).toBe(true)
  await holder.unlock(WRITE)
  await running
  const built = indexFiles(partition)
  await reindex(partition, { all: true })
  expect(indexFiles(partition)).toEqual(built)
  expect(partition.read().records.at(-1)?.offset).toBe(500)
})

test('a log that was cut and written anew between the look and the lock is looked at again', async () => {
  const partition = await indexedPartition()
  const newest = partition.logs().at(-1)!.replace('.log', '')
  rmSync(partition.file(`${newest}.index`))
  const log = partition.file(`${newest}.log`)
  const holder = await LockProcess.start(partition.file('.lock'))
  await holder.tryLock(WRITE, 'exclusive')
  let hasRewritten = false
  const running = reindex(partition, {
    onWait: () => {
      // The last batch goes, and a longer one comes in its place.
      const index = partition.bytes(`${newest}.log`)
      const last = batchOf(['other'.repeat(400)])
      last.writeBigInt64BE(498n, 0)
      writeFileSync(log, Buffer.concat([index.subarray(0, lastBatchStart(index)), last]))
      hasRewritten = true
    },
  })
  await expect.poll(() => hasRewritten, { timeout: 20_000 }).toBe(true)
  await holder.unlock(WRITE)
  await running
  const built = indexFiles(partition)
  await reindex(partition, { all: true })
  expect(indexFiles(partition)).toEqual(built)
})

function lastBatchStart(bytes: Buffer): number {
  let start = 0
  for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + 8)) start = at
  return start
}

test('around damage the batches before and behind it are indexed', async () => {
  const partition = await indexedPartition()
  const path = partition.file('00000000000000000000.log')
  const bytes = readFileSync(path)
  bytes.fill(0x91, 3000, 3400)
  writeFileSync(path, bytes)
  const [checked] = await reindex(partition, { check: true })
  expect(checked).toMatchObject({ isStale: false })
  expect(checked!.badBytes).toBeGreaterThan(399)
  const [result] = await reindex(partition, { all: true })
  const index = OffsetIndex.open(partition.file('00000000000000000000.index'), 0)!
  const positions = [...index.scan()].map(({ position }) => position)
  index.close()
  expect(result!.entries).toBe(positions.length)
  expect(positions.some(position => position < 3000)).toBe(true)
  expect(positions.some(position => position > 3400)).toBe(true)
})

test('a torn tail is left alone and gets no entry', async () => {
  const partition = await indexedPartition()
  const newest = partition.logs().at(-1)!
  const before = indexFiles(partition)
  appendFileSync(partition.file(newest), batchOf(['torn']).subarray(0, 50))
  const results = await reindex(partition, { all: true })
  expect(results.at(-1)).toMatchObject({ badBytes: 0, isRebuilt: true })
  expect(indexFiles(partition)).toEqual(before)
})

test('a segment that compaction has not put in place is left to whoever finishes that', async () => {
  const partition = await indexedPartition()
  const log = partition.logs()[0]!
  renameSync(partition.file(log), partition.file(`${log}.swap`))
  const names = reindexTargets(partition.folder).map(({ logPath }) => logPath)
  expect(names).not.toContain(partition.file(log))
  expect(names).toHaveLength(partition.logs().length)
})

test('segments are named by any of their files, their folder, the directory or the topic', async () => {
  const partition = await indexedPartition()
  const count = partition.logs().length
  const one = partition.logs()[1]!
  for (const ending of ['log', 'index', 'timeindex']) {
    expect(reindexTargets(partition.file(one.replace('log', ending)))).toMatchObject([{ logPath: partition.file(one) }])
  }
  expect(reindexTargets(partition.folder)).toHaveLength(count)
  expect(reindexTargets(partition.path)).toHaveLength(count)
  expect(reindexTopicTargets(partition.path, 't')).toHaveLength(count)
  expect(reindexTopicTargets(partition.path, 't', 0)).toHaveLength(count)
  expect(() => reindexTopicTargets(partition.path, 't', 1)).toThrow('neither a file nor a topic: t/1')
  expect(() => reindexTargets(join(partition.path, 'nothing'))).toThrow('no such file or folder')
  expect(() => reindexTargets(join(partition.path, 'loglady-topics.json'))).toThrow('not a segment')
})

test('several threads give the same, in order', async () => {
  const partition = await indexedPartition()
  const before = indexFiles(partition)
  for (const name of before.keys()) rmSync(partition.file(name))
  const segments = reindexTargets(partition.path)
  const results: ReindexResult[] = []
  let bytes = 0
  await reindexAll(segments, {
    jobs: 3,
    onResult: result => {
      results.push(result)
    },
    onProgress: more => {
      bytes += more
    },
  })
  expect(results.map(({ path }) => path)).toEqual(segments.map(({ logPath }) => logPath))
  expect(results.every(({ isRebuilt, index }) => isRebuilt && index === 'missing')).toBe(true)
  expect(bytes).toBe(results.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0))
  expect(indexFiles(partition)).toEqual(before)
})

test.each([1, 3])('the first error ends it with %i jobs', async jobs => {
  const partition = await indexedPartition()
  const segments = reindexTargets(partition.path)
  rmSync(partition.file(partition.logs()[1]!))
  await expect(reindexAll(segments, { jobs, check: true })).rejects.toMatchObject({ code: 'LOGLADY_NOT_FOUND' })
})

test.each([1, 3])('a segment that retention took meanwhile may be passed over, with %i jobs', async jobs => {
  const partition = await indexedPartition()
  const segments = reindexTargets(partition.path)
  const log = partition.file(partition.logs()[1]!)
  rmSync(log)
  const gone: string[] = []
  const results: ReindexResult[] = []
  await reindexAll(segments, {
    jobs,
    check: true,
    onGone: ({ logPath }) => gone.push(logPath),
    onResult: result => {
      results.push(result)
    },
  })
  expect(gone).toEqual([log])
  expect(results).toHaveLength(segments.length - 1)
})

test('an aborted run begins no further segment', async () => {
  const partition = await indexedPartition()
  const controller = new AbortController()
  const results: ReindexResult[] = []
  await reindexAll(reindexTargets(partition.path), {
    jobs: 1,
    check: true,
    signal: controller.signal,
    onResult: result => {
      results.push(result)
      controller.abort()
    },
  })
  expect(results).toHaveLength(1)
})

test('a copy in a folder with any name can be reindexed', async () => {
  const partition = await indexedPartition()
  const folder = temporaryFolder()
  const log = partition.logs()[0]!
  copyFileSync(partition.file(log), join(folder, log))
  const [segment] = reindexTargets(folder)
  await reindexSegment(segment!, { indexIntervalBytes: 500 })
  const name = log.replace('.log', '')
  expect(readFileSync(join(folder, `${name}.index`))).toEqual(partition.bytes(`${name}.index`))
  expect(readFileSync(join(folder, `${name}.timeindex`))).toEqual(partition.bytes(`${name}.timeindex`))
  closeSync(openSync(join(folder, '.lock'), 'r'))
})
