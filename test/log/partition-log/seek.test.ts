import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { DataDirectory } from '../../../src/log/data-directory.ts'
import { recoveryPointCheckpointFile } from '../../../src/log/file/names.ts'
import { stampBatch } from '../../../src/log/record/batch-builder.ts'
import { RecordCursor } from '../../../src/log/record/record-cursor.ts'
import { FileCalls } from '../../helpers/file-calls.ts'
import { batchOf, type ReadRecord, readRecords, TestPartition } from '../../helpers/partition.ts'
import { seed } from '../../helpers/seed.ts'
import { sharedTemporaryFolder } from '../../helpers/temporary-folder.ts'

const PLACES = 1000
const SEGMENTS = 200

/** Deterministic numbers in [0, 1): mulberry32. */
function randomFrom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

let partition: TestPartition
let plain: ReadRecord[]
const folder = sharedTemporaryFolder()

/** Segments of about 16 batches of one to three records; times rise by and large, with steps back of up to 3 s. */
beforeAll(async () => {
  const random = randomFrom(seed)
  partition = await TestPartition.create({ 'segment.bytes': 2048, 'index.interval.bytes': 256 }, folder)
  const writer = await partition.writer()
  for (let i = 0; writer.rolls < SEGMENTS; i++) {
    const values = Array.from(
      { length: 1 + Math.floor(random() * 3) },
      (_, n) => `${i}.${n} ${'x'.repeat(random() * 100)}`,
    )
    await writer.append(batchOf(values, 1_700_000_000_000 + i * 100 - Math.floor(random() * 3000)))
  }
  await writer.sync()
  await writer.close()
  plain = readRecords(partition.log, 0).records
  return () => partition.close()
})

test(`reading from ${PLACES} random offsets of ${SEGMENTS} segments gives what the plain scan has there (seed ${seed})`, () => {
  expect(partition.logs().length).toBeGreaterThan(SEGMENTS)
  expect(plain.map(record => record.offset)).toEqual(plain.map((_, i) => i))
  const random = randomFrom(seed + 1)
  const cursor = new RecordCursor()
  for (let i = 0; i < PLACES; i++) {
    const from = Math.floor(random() * plain.length)
    const reader = partition.log.reader({ from })
    const found: ReadRecord[] = []
    while (found.length < 5) {
      const header = reader.next()
      if (header === undefined) break
      cursor.open(header)
      while (cursor.next()) {
        if (cursor.offset < from) continue
        found.push({ offset: cursor.offset, value: String(cursor.value()), timestamp: cursor.timestamp })
      }
    }
    reader.close()
    expect(found, `offset ${from}`).toEqual(plain.slice(from, from + found.length))
    expect(found.length).toBe(Math.min(found.length, plain.length - from))
    expect(found[0]).toBeDefined()
  }
})

test(`so does looking up ${PLACES} random times (seed ${seed})`, () => {
  const random = randomFrom(seed + 2)
  const times = plain.map(record => record.timestamp)
  const [first, last] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))]
  for (let i = 0; i < PLACES; i++) {
    const timestamp = Math.floor(first - 1000 + random() * (last - first + 2000))
    const offset = times.findIndex(time => time >= timestamp)
    const expected = offset < 0 ? undefined : { offset, timestamp: times[offset] }
    expect(partition.log.offsetForTimestamp(timestamp), `time ${timestamp}`).toEqual(expected)
  }
  expect(partition.log.maxTimestamp()).toEqual({ offset: times.indexOf(last), timestamp: last })
})

test('the last batches before a random offset, read backwards, are those of the plain scan', () => {
  const random = randomFrom(seed + 3)
  for (let i = 0; i < PLACES / 10; i++) {
    const before = 1 + Math.floor(random() * plain.length)
    const reader = partition.log.backwardReader({ before })
    let end = before
    for (let n = 0; n < 20; n++) {
      const header = reader.next()
      if (header === undefined) break
      expect(header.baseOffset).toBeLessThan(end)
      expect(header.nextOffset).toBeGreaterThanOrEqual(end)
      end = header.baseOffset
    }
    expect(end).toBeLessThanOrEqual(Math.max(0, before - 20))
    reader.close()
  }
})

const MANY = 10_000

/** Segments of one small batch each, without the empty indexes that ten thousand rolls would leave beside them. */
async function manySegments(): Promise<TestPartition> {
  const many = await TestPartition.create({ 'segment.bytes': 1024 }, sharedFolder)
  for (const name of readdirSync(many.folder).filter(name => name.startsWith('0'))) rmSync(many.file(name))
  const batch = batchOf(['one', 'two'])
  for (let i = 0; i < MANY; i++) {
    stampBatch(batch, 0, 2 * i, 0)
    writeFileSync(many.file(`${String(2 * i).padStart(20, '0')}.log`), batch)
  }
  writeFileSync(join(many.path, recoveryPointCheckpointFile), `0\n1\nt 0 ${2 * MANY}\n`)
  return many
}
const sharedFolder = sharedTemporaryFolder()

test(`of a directory of ${MANY} segments, reading one record touches a handful of files, and so does appending one`, async () => {
  const many = await manySegments()
  const { path } = many
  many.close()
  const touched = (calls: FileCalls) => calls.lines(['open', 'read', 'stat', 'exists', 'readFile']).length
  for (const offset of [0, MANY, 2 * MANY - 1]) {
    const calls = new FileCalls()
    const log = DataDirectory.open(path).partition('t', 0)
    log.checkOffset(offset)
    const reader = log.reader({ from: offset })
    expect(reader.next()!.lastOffset).toBeGreaterThanOrEqual(offset)
    reader.close()
    calls.stop()
    const opened = calls.calls.filter(({ verb, name }) => verb === 'open' && name.includes('0000'))
    expect(new Set(opened.map(call => call.path)).size).toBeLessThanOrEqual(4)
    expect(touched(calls)).toBeLessThan(50)
  }
  const calls = new FileCalls()
  const directory = DataDirectory.open(path)
  const writer = await directory.partitionWriter('t', 0)
  await writer.append(batchOf(['next']))
  await writer.close()
  calls.stop()
  directory.close()
  const opened = calls.calls.filter(({ verb, name }) => verb === 'open' && name.includes('0000'))
  expect(new Set(opened.map(call => call.path)).size).toBeLessThanOrEqual(6)
  expect(touched(calls)).toBeLessThan(80)
})
