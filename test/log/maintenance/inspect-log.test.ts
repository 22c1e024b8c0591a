import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { WHOLE, WRITER_LIFE } from '../../../src/log/file/lock-file.ts'
import { segmentContext } from '../../../src/log/maintenance/inspect-context.ts'
import { inspectWhole } from '../../../src/log/maintenance/inspect-index.ts'
import { type InspectLogOptions, LogInspection } from '../../../src/log/maintenance/inspect-log.ts'
import type { LogReport } from '../../../src/log/maintenance/inspect-report.ts'
import { hasPython, LockProcess } from '../../helpers/lock-process.ts'
import { TestPartition } from '../../helpers/partition.ts'
import { rawBatch, rawMessage, rawRecord, withCrc } from '../../helpers/raw-batch.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

async function inspect(path: string, options: InspectLogOptions = {}): Promise<LogReport> {
  const inspection = new LogInspection(segmentContext(path), options)
  try {
    return await inspectWhole(inspection)
  } finally {
    inspection.close()
  }
}

/** `damaged at 120+61 (10-19): message` of what is more than a note. */
function wrong({ findings }: LogReport): string[] {
  return findings
    .filter(({ verdict }) => verdict !== 'clean')
    .map(({ verdict, position, bytes, firstOffset, lastOffset, message }) => {
      const place = position === undefined ? '' : ` at ${position}${bytes === undefined ? '' : `+${bytes}`}`
      const offsets = firstOffset === undefined ? '' : ` (${firstOffset}-${lastOffset ?? ''})`
      return `${verdict}${place}${offsets}: ${message}`
    })
}

/** Four batches of two records, closed and synced. */
async function closedPartition(): Promise<TestPartition> {
  const partition = await TestPartition.create()
  await partition.append([0, 1, 2, 3].map(n => [`a${n}`, `b${n}`]))
  partition.close()
  return partition
}

const first = '00000000000000000000'
/** Of each batch of closedPartition. */
const batchBytes = 61 + 2 * 9

test('a closed log is clean', async () => {
  const partition = await closedPartition()
  const report = await inspect(partition.file(`${first}.log`), { checkRecords: true })
  expect(report).toEqual({
    kind: 'log',
    path: partition.file(`${first}.log`),
    topic: 't',
    partition: 0,
    sizeInBytes: 4 * batchBytes,
    verdict: 'clean',
    baseOffset: 0,
    batches: 4,
    records: 8,
    controlBatches: 0,
    transactionalBatches: 0,
    emptyBatches: 0,
    firstOffset: 0,
    lastOffset: 7,
    firstTimestamp: 1_700_000_000_000,
    maxTimestamp: 1_700_000_000_003,
    codecs: { none: 4 },
    magics: { 2: 4 },
    leaderEpochs: [0],
    gaps: { count: 0, offsets: 0 },
    badBytes: 0,
    preallocatedBytes: 0,
    index: { path: partition.file(`${first}.index`), entries: 0, sizeInBytes: 0, paddingBytes: 0 },
    timeIndex: { path: partition.file(`${first}.timeindex`), entries: 1, sizeInBytes: 12, paddingBytes: 0 },
    isPartial: false,
    findings: [],
  })
})

test('a flipped bit at any byte of a closed log is found, at the batch that it is in', async () => {
  const partition = await closedPartition()
  const path = partition.file(`${first}.log`)
  const whole = readFileSync(path)
  for (let position = 0; position < whole.length; position++) {
    const bytes = Buffer.from(whole)
    bytes[position]! ^= 1 << (position % 8)
    writeFileSync(path, bytes)
    const report = await inspect(path)
    const start = Math.floor(position / batchBytes) * batchBytes
    const offset = 2 * Math.floor(position / batchBytes)
    const at = position - start
    expect(report.verdict, `byte ${position}`).toBe('damaged')
    const places = report.findings.filter(({ path: where }) => where === path).map(finding => finding.position)
    expect(places, `byte ${position}`).toContain(start)
    // No CRC covers base offset and leader epoch, so those batches are there, under a wrong name.
    const isMisnamed = at < 8 || (at >= 12 && at < 16)
    if (!isMisnamed) {
      expect(report.findings[0], `byte ${position}`).toMatchObject({ firstOffset: offset, lastOffset: offset + 1 })
      expect(report.batches).toBe(3)
    }
  }
})

test('a log cut anywhere below the recovery point is damaged', async () => {
  const partition = await closedPartition()
  const path = partition.file(`${first}.log`)
  for (let size = 4 * batchBytes - 1; size >= 0; size -= 1) {
    truncateSync(path, size)
    const report = await inspect(path)
    expect(report.verdict, `${size} bytes`).toBe('damaged')
    const [finding] = report.findings
    expect(finding, `${size} bytes`).toMatchObject({ firstOffset: 2 * Math.floor(size / batchBytes), lastOffset: 7 })
  }
})

/** As a killed writer leaves it: nobody said that anything is synced. */
async function killedPartition(): Promise<TestPartition> {
  const partition = await closedPartition()
  writeFileSync(join(partition.path, 'recovery-point-offset-checkpoint'), '0\n0\n')
  writeFileSync(partition.file(`${first}.timeindex`), '')
  return partition
}

test('a last batch cut at any byte above the recovery point is a torn tail', async () => {
  const partition = await killedPartition()
  const path = partition.file(`${first}.log`)
  for (const size of [1, 11, 12, 16, 17, 60, 61, 62, batchBytes - 1].map(bytes => 3 * batchBytes + bytes)) {
    truncateSync(path, size)
    const report = await inspect(path)
    expect(report, `${size} bytes`).toMatchObject({ verdict: 'torn tail', batches: 3, badBytes: size - 3 * batchBytes })
    await restore(partition)
  }
})

async function restore(partition: TestPartition): Promise<void> {
  const fresh = await closedPartition()
  copyFileSync(fresh.file(`${first}.log`), partition.file(`${first}.log`))
}

test('the tail is in flight while a writer or a broker holds its lock', async () => {
  const partition = await killedPartition()
  const path = partition.file(`${first}.log`)
  truncateSync(path, 4 * batchBytes - 5)
  const message = `the file ends inside a batch, expected ${batchBytes} bytes, found ${batchBytes - 5}`
  expect(wrong(await inspect(path))).toEqual([`torn tail at ${3 * batchBytes}+${batchBytes - 5} (6-7): ${message}`])

  const writer = await LockProcess.start(partition.file('.lock'))
  await writer.tryLock(WRITER_LIFE, 'shared')
  expect(wrong(await inspect(path))[0]).toBe(
    `in flight at ${3 * batchBytes}+${batchBytes - 5}: ${message}: in flight, another process is writing`,
  )
  await writer.kill()
  expect((await inspect(path)).verdict).toBe('torn tail')

  if (!hasPython()) return
  writeFileSync(join(partition.path, '.lock'), '')
  const broker = await LockProcess.start(join(partition.path, '.lock'), 'like a broker')
  await broker.tryLock(WHOLE, 'exclusive')
  expect((await inspect(path)).verdict).toBe('in flight')
})

test('the tail is in flight when a second look finds it whole', async () => {
  const partition = await killedPartition()
  const path = partition.file(`${first}.log`)
  const whole = readFileSync(path)
  truncateSync(path, whole.length - 5)
  const inspecting = inspect(path)
  setTimeout(() => appendFileSync(path, whole.subarray(-5)), 50)
  expect((await inspecting).verdict).toBe('in flight')
})

test('looking makes no lock file', async () => {
  const partition = await killedPartition()
  truncateSync(partition.file(`${first}.log`), 4 * batchBytes - 5)
  const copy = join(temporaryFolder(), 't-0')
  mkdirSync(copy)
  copyFileSync(partition.file(`${first}.log`), join(copy, `${first}.log`))
  expect((await inspect(join(copy, `${first}.log`))).verdict).toBe('torn tail')
  expect(existsSync(join(copy, '.lock'))).toBe(false)
})

test('zeros behind the last batch of the newest segment are preallocated', async () => {
  const partition = await killedPartition()
  const path = partition.file(`${first}.log`)
  for (const zeros of [12, 60, 100, 70_000]) {
    await restore(partition)
    appendFileSync(path, Buffer.alloc(zeros))
    const report = await inspect(path)
    expect(report, `${zeros} zeros`).toMatchObject({
      verdict: 'clean',
      preallocatedBytes: zeros,
      badBytes: 0,
      batches: 4,
    })
    expect(report.findings[0]).toMatchObject({ position: 4 * batchBytes, bytes: zeros, verdict: 'clean' })
  }
})

test('a rolled segment may have nothing behind its last batch, and must end where the next one begins', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  await partition.append([0, 1, 2, 3].map(n => [`${n}`.repeat(400)]))
  partition.close()
  const path = partition.file(`${first}.log`)
  const bytes = readFileSync(path)
  const half = bytes.length / 2
  expect(partition.logs()).toHaveLength(2)
  expect((await inspect(path)).findings).toEqual([])

  appendFileSync(path, 'junk')
  expect(wrong(await inspect(path))).toEqual([
    `damaged at ${bytes.length}+4: the file ends inside a batch header, after 4 bytes, behind the last batch of a rolled segment`,
  ])
  writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(500)]))
  expect((await inspect(path)).verdict).toBe('damaged')
  truncateSync(path, half)
  expect(wrong(await inspect(path))[0]).toBe(`damaged at ${half} (1-1): missing offsets before this byte`)
  writeFileSync(path, bytes.subarray(0, half + 30))
  expect(wrong(await inspect(path))[0]).toMatch(/^damaged at \d+\+30 \(1-1\): the file ends inside a batch header/)
})

test('damage in the middle is told with the bytes and offsets that are lost, and the rest is read', async () => {
  const partition = await closedPartition()
  const path = partition.file(`${first}.log`)
  const bytes = readFileSync(path)
  bytes.fill(0, batchBytes + 8, 2 * batchBytes + 30)
  writeFileSync(path, bytes)
  const report = await inspect(path)
  expect(report).toMatchObject({
    verdict: 'damaged',
    batches: 2,
    records: 4,
    badBytes: 2 * batchBytes,
    firstOffset: 0,
    lastOffset: 7,
  })
  expect(wrong(report)).toEqual([
    `damaged at ${batchBytes}+${2 * batchBytes} (2-5): wrong batch length, expected at least 14, found 0`,
  ])
})

test('junk between two batches costs no offsets', async () => {
  const folder = temporaryFolder()
  const path = join(folder, `${first}.log`)
  const batch = (baseOffset: number) => rawBatch(rawRecord({ value: 'v' }), { baseOffset })
  writeFileSync(path, Buffer.concat([batch(0), Buffer.from('some junk'), batch(1)]))
  const [finding] = (await inspect(path)).findings
  expect(finding).toMatchObject({ verdict: 'damaged', bytes: 9 })
  expect(finding).not.toHaveProperty('firstOffset')
})

test('a missing batch is damage in a log of our own, and in a copy of it a note', async () => {
  const partition = await closedPartition()
  const path = partition.file(`${first}.log`)
  const bytes = readFileSync(path)
  writeFileSync(path, Buffer.concat([bytes.subarray(0, batchBytes), bytes.subarray(2 * batchBytes)]))
  expect(wrong(await inspect(path))[0]).toBe(`damaged at ${batchBytes} (2-3): missing offsets before this byte`)
  const alone = join(temporaryFolder(), basename(path))
  copyFileSync(path, alone)
  expect(await inspect(alone)).toMatchObject({ verdict: 'clean', gaps: { count: 1, offsets: 2 } })
})

test('records are checked only when asked for, and what is bad in them is told', async () => {
  const path = join(temporaryFolder(), `${first}.log`)
  const good = rawBatch(rawRecord({ value: 'v' }), { baseOffset: 0 })
  writeFileSync(path, Buffer.concat([good, rawBatch(Buffer.from([0x08, 0, 0, 0]), { baseOffset: 1 })]))
  expect((await inspect(path)).verdict).toBe('clean')
  const report = await inspect(path, { checkRecords: true })
  expect(report.verdict).toBe('damaged')
  expect(report.findings[0]).toMatchObject({ position: good.length, firstOffset: 1, lastOffset: 1 })
  expect(report.findings[0]!.message).toContain('record 1 of 1')
})

test('a part of a file is looked at from the first batch in it, and its ends are not judged', async () => {
  const partition = await closedPartition()
  const path = partition.file(`${first}.log`)
  const part = await inspect(path, { start: batchBytes, end: 2 * batchBytes + 1 })
  expect(part).toMatchObject({
    batches: 2,
    firstOffset: 2,
    lastOffset: 5,
    isPartial: true,
    verdict: 'clean',
    findings: [],
  })
  const between = await inspect(path, { start: batchBytes + 1 })
  expect(between).toMatchObject({ batches: 2, firstOffset: 4, isPartial: true, verdict: 'clean' })
  expect(between.findings).toMatchObject([{ position: 2 * batchBytes, verdict: 'clean' }])
  expect(await inspect(path, { maxBatches: 3 })).toMatchObject({ batches: 3, isPartial: true, verdict: 'clean' })
  expect(await inspect(path, { start: 10_000 })).toMatchObject({ batches: 0, verdict: 'clean' })
})

test('entries that point wrong are told with their byte in the index', async () => {
  const partition = await TestPartition.create({ 'index.interval.bytes': 100 })
  await partition.append(Array.from({ length: 20 }, (_, n) => [`a${n}`]))
  partition.close()
  const path = partition.file(`${first}.log`)
  const report = await inspect(path)
  expect(report.verdict).toBe('clean')
  expect(report.index!.entries).toBeGreaterThan(3)
  const index = partition.bytes(`${first}.index`)
  index.writeInt32BE(index.readInt32BE(12) + 1, 12)
  writeFileSync(partition.file(`${first}.index`), index)
  const bad = await inspect(path)
  expect(bad.verdict).toBe('wrong index')
  expect(bad.findings[0]).toMatchObject({ path: partition.file(`${first}.index`), position: 8 })
})

test('an offset that names a far batch, a timestamp beyond 2^53 and a legacy wrapper do no harm', async () => {
  const path = join(temporaryFolder(), `${first}.log`)
  const late = rawBatch(rawRecord({ value: 'v' }), { baseOffset: 0, maxTimestamp: 2 ** 52 })
  late.writeBigInt64BE(2n ** 60n, 35)
  writeFileSync(path, withCrc(late))
  expect((await inspect(path)).verdict).toBe('damaged')
  writeFileSync(path, Buffer.concat([0, 1, 2].map(offset => rawMessage({ offset, value: `v${offset}` }))))
  expect(await inspect(path)).toMatchObject({ batches: 3, records: 3, magics: { 1: 3 }, verdict: 'clean' })
})
