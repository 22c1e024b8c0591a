import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { recoveryPointCheckpointFile } from '../../../src/log/file/names.ts'
import { stampBatch } from '../../../src/log/record/batch-builder.ts'
import { BatchHeader } from '../../../src/log/record/batch-header.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'

const LOG = '00000000000000000000.log'
const batches = [['a0', 'a1'], ['b2'], ['c3', 'c4', 'c5'], ['d6', 'd7']]
const values = batches.flat()

/** A log as a killed writer leaves it: the recovery point lies before the last batch, which starts at `lastStart`. */
async function killedWriter() {
  const partition = await TestPartition.create()
  await partition.append(batches)
  writeFileSync(join(partition.path, recoveryPointCheckpointFile), '0\n1\nt 0 6\n')
  return { partition, bytes: partition.bytes(LOG), lastStart: startOfLastBatch(partition.bytes(LOG)) }
}

function startOfLastBatch(bytes: Buffer): number {
  const header = new BatchHeader()
  let start = 0
  for (let at = 0; at < bytes.length; at += header.sizeInBytes) {
    expect(header.read(bytes, at, bytes.length)).toBe('whole')
    start = at
  }
  return start
}

describe('the last batch of a killed writer', () => {
  test('cut at every byte is "not yet" for a reader, and the next writer cuts it and goes on', async () => {
    const { partition, bytes, lastStart } = await killedWriter()
    for (let size = lastStart; size < bytes.length; size++) {
      writeFileSync(partition.file(LOG), bytes.subarray(0, size))
      const { records, error } = partition.read()
      expect(error, `cut at ${size}`).toBeUndefined()
      expect(records.map(record => record.value)).toEqual(values.slice(0, 6))
      partition.notes.length = 0
      await partition.append([['next']])
      const after = partition.read()
      expect(after.error).toBeUndefined()
      expect(after.records.map(record => record.value)).toEqual([...values.slice(0, 6), 'next'])
      expect(after.records.map(record => record.offset)).toEqual([0, 1, 2, 3, 4, 5, 6])
      const cut = size - lastStart
      expect(partition.notes).toEqual(
        cut === 0 ? [] : [expect.stringContaining(`cut a torn tail: t-0/${LOG}: ${cut} bytes from byte ${lastStart}`)],
      )
      // Back to what the dead writer left.
      writeFileSync(join(partition.path, recoveryPointCheckpointFile), '0\n1\nt 0 6\n')
    }
  })

  test('flipped at every byte is never shown, and the next writer cuts it', async () => {
    const { partition, bytes, lastStart } = await killedWriter()
    for (let at = lastStart; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1 << (at % 8)
      writeFileSync(partition.file(LOG), flipped)
      const { records, error } = partition.read()
      expect(error, `byte ${at}`).toBeUndefined()
      expect(records.map(record => record.value)).toEqual(values.slice(0, 6))
    }
    await partition.append([['next']])
    expect(partition.read().records.map(record => record.value)).toEqual([...values.slice(0, 6), 'next'])
  })

  test('followed by zeros, as preallocation leaves them, is read whole, and the next writer cuts the zeros', async () => {
    const { partition, bytes } = await killedWriter()
    appendFileSync(partition.file(LOG), Buffer.alloc(10_000))
    expect(partition.read()).toEqual({ records: expect.objectContaining({ length: 8 }) })
    await partition.append([['next']])
    expect(partition.read().records.map(record => record.value)).toEqual([...values, 'next'])
    expect(partition.bytes(LOG).subarray(0, bytes.length).subarray(17)).toEqual(bytes.subarray(17))
  })
})

describe('a bad batch above the recovery point with valid ones behind it, as a power cut leaves it', () => {
  async function withHole() {
    const { partition, bytes } = await killedWriter()
    rmSync(join(partition.path, recoveryPointCheckpointFile))
    const header = new BatchHeader()
    header.read(bytes, 0, bytes.length)
    const second = header.sizeInBytes
    const holed = Buffer.from(bytes)
    holed.fill(0, second + 20, second + 40)
    writeFileSync(partition.file(LOG), holed)
    return { partition, second, holed }
  }

  test('stops a reader with path, byte and offsets', async () => {
    const { partition, second } = await withHole()
    const { records, error } = partition.read()
    expect(records.map(record => record.value)).toEqual(['a0', 'a1'])
    expect(error).toMatchObject({ path: partition.file(LOG), position: second, firstOffset: 2, lastOffset: 2 })
    expect(error!.message).toMatch(/^CRC mismatch, expected [0-9a-f]{8}, found [0-9a-f]{8}$/)
  })

  test('is cut by the next writer, which keeps a copy and says so loudly', async () => {
    const { partition, second, holed } = await withHole()
    await partition.append([['next']])
    expect(partition.read().records.map(record => record.value)).toEqual(['a0', 'a1', 'next'])
    const kept = `${LOG}.${second}.cut`
    expect(partition.bytes(kept)).toEqual(holed.subarray(second))
    expect(partition.notes.join('\n')).toContain('WARNING: cut bad bytes with batches behind them')
    expect(partition.notes.join('\n')).toContain(kept)
  })
})

describe('a closed log', () => {
  test('with a flipped bit at every byte is exit-3 damage with path, byte and offsets, and refuses a writer', async () => {
    const partition = await TestPartition.create()
    await partition.append(batches)
    const bytes = partition.bytes(LOG)
    const starts = [0, ...batchEnds(bytes)]
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1 << (at % 8)
      writeFileSync(partition.file(LOG), flipped)
      const bad = starts.findLastIndex(start => start <= at)
      const first = batches.slice(0, bad).flat().length
      const { records, error } = partition.read()
      expect(
        records.map(record => record.value),
        `byte ${at}`,
      ).toEqual(values.slice(0, first))
      expect(error, `byte ${at}`).toMatchObject({
        path: partition.file(LOG),
        position: starts[bad],
        firstOffset: first,
        lastOffset: first + batches[bad]!.length - 1,
      })
      if (at % 8 === 0) await expect(partition.writer()).rejects.toMatchObject({ code: 'LOGLADY_CORRUPT_LOG' })
    }
  })

  test('cut at any byte is damage too, and no writer goes on behind it', async () => {
    const partition = await TestPartition.create()
    await partition.append(batches)
    const { length } = partition.bytes(LOG)
    for (let size = length - 1; size >= 0; size--) {
      truncateSync(partition.file(LOG), size)
      const { records, error } = partition.read()
      expect(error, `size ${size}`).toMatchObject({ path: partition.file(LOG), lastOffset: 7 })
      expect(records.length).toBe(error!.firstOffset)
      await expect(partition.writer()).rejects.toMatchObject({ code: 'LOGLADY_CORRUPT_LOG', lastOffset: 7 })
    }
  })
})

test('damage in a segment with a successor is damage whatever the checkpoint says', async () => {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  await partition.append(Array.from({ length: 40 }, (_, i) => [`value ${i} ${'x'.repeat(60)}`]))
  rmSync(join(partition.path, recoveryPointCheckpointFile))
  const first = partition.bytes(LOG)
  first[first.length - 3]! ^= 4
  writeFileSync(partition.file(LOG), first)
  const { records, error } = partition.read()
  expect(error).toMatchObject({ path: partition.file(LOG), firstOffset: records.length, lastOffset: records.length })
})

test('a writer that meets half a batch of one that died during its own life cuts it', async () => {
  const partition = await TestPartition.create()
  const writer = await partition.writer()
  await writer.append(batchOf(['one']))
  appendFileSync(partition.file(LOG), batchOf(['half']).subarray(0, 40))
  await expect(writer.append(batchOf(['two']))).resolves.toEqual({ baseOffset: 1, lastOffset: 1 })
  await writer.close()
  expect(partition.read().records.map(record => record.value)).toEqual(['one', 'two'])
  expect(partition.notes.at(-1)).toContain('cut 40 bytes that a dead writer left')
})

test('opening a large closed log for one more line reads next to nothing of it', async () => {
  const partition = await TestPartition.create()
  await partition.append(Array.from({ length: 300 }, () => ['x'.repeat(20_000)]))
  const { length } = partition.bytes(LOG)
  expect(length).toBeGreaterThan(6_000_000)
  const before = bytesRead()
  const writer = await partition.writer()
  await writer.append(batchOf(['one more']))
  await writer.close()
  // The listing of /proc/self/io is Linux only; elsewhere the test says nothing.
  if (before !== undefined) expect(bytesRead()! - before).toBeLessThan(1_000_000)
})

function bytesRead(): number | undefined {
  try {
    return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'latin1'))?.[1])
  } catch {
    return undefined
  }
}

function batchEnds(bytes: Buffer): number[] {
  const header = new BatchHeader()
  const ends: number[] = []
  for (let at = 0; at < bytes.length; at += header.sizeInBytes) {
    header.read(bytes, at, bytes.length)
    ends.push(at + header.sizeInBytes)
  }
  return ends.slice(0, -1)
}

test('nothing but the files of the protocol is left in a partition', async () => {
  const partition = await TestPartition.create()
  await partition.append(batches)
  expect(readdirSync(partition.folder).sort()).toEqual([
    '.lock',
    '00000000000000000000.index',
    LOG,
    '00000000000000000000.timeindex',
    'leader-epoch-checkpoint',
    'partition.metadata',
  ])
})

test('a length that claims too much, with valid batches behind it, is damage to a reader and kept by the writer', async () => {
  const { partition, bytes } = await killedWriter()
  rmSync(join(partition.path, recoveryPointCheckpointFile))
  const broken = Buffer.from(bytes)
  broken[9]! = 0x7f
  writeFileSync(partition.file(LOG), broken)
  expect(partition.read()).toMatchObject({ records: [], error: { position: 0, firstOffset: 0, lastOffset: 1 } })
  await partition.append([['next']])
  expect(partition.bytes(`${LOG}.0.cut`)).toEqual(broken)
})

test('half a batch whose value holds whole batches is a torn tail all the same', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a']])
  const { length } = partition.bytes(LOG)
  const writer = await partition.writer()
  const nested = [1, 2, 3].map(i => {
    const batch = batchOf([`nested ${i}`])
    stampBatch(batch, 0, i, 0)
    return batch
  })
  await writer.append(batchOf([Buffer.concat([...nested, Buffer.alloc(500, 'x')])]))
  const whole = partition.bytes(LOG)
  for (let size = length + 1; size < whole.length; size++) {
    truncateSync(partition.file(LOG), size)
    expect(partition.read(), `size ${size}`).toEqual({ records: [expect.objectContaining({ offset: 0, value: 'a' })] })
    writeFileSync(partition.file(LOG), whole)
  }
  truncateSync(partition.file(LOG), whole.length - 1)
  const next = await partition.writer()
  await next.append(batchOf(['b']))
  expect(readdirSync(partition.folder).filter(name => name.endsWith('.cut'))).toEqual([])
  expect(partition.read().records.map(record => record.value)).toEqual(['a', 'b'])
})
