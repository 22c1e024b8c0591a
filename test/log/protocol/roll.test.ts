/**
 * protocol.md, Roll. Proven elsewhere:
 * damage in a segment that has a successor is damage whatever the checkpoint says: test/log/partition-log/torn-tail.test.ts;
 * two rolls in one tick: one-write.test.ts; the lock during a roll: locks.test.ts; when to roll: the property tests.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SyncFailedError } from '../../../src/log/errors.ts'
import { recoveryPointCheckpointFile } from '../../../src/log/file/names.ts'
import { readUnsyncedMark } from '../../../src/log/file/unsynced-mark.ts'
import type { PartitionWriter } from '../../../src/log/partition-log/partition-writer.ts'
import { diskError, type FileCall, FileCalls, verbsThatWrite } from '../../helpers/file-calls.ts'
import { batchOf, TestPartition } from '../../helpers/partition.ts'
import { freshIndexes, readIndexes } from '../../helpers/raw-segment.ts'

const settings = { 'segment.bytes': 1024, 'index.interval.bytes': 100 }
/** Two of them do not fit into one segment. */
const big = () => batchOf(['x'.repeat(700)])
const OLD = '00000000000000000000'
const NEW = '00000000000000000001'
const isOfPartition = ({ path }: FileCall) => path.includes('/t-0')

const values = (partition: TestPartition) => {
  const { records, error } = partition.read()
  expect(error).toBeUndefined()
  expect(records.map(record => record.offset)).toEqual(records.map((_, i) => i))
  return records.length
}

/** What a roll asks of the disk, in the order in which it must. */
const rollSteps = [
  `write ${OLD}.timeindex`,
  `fdatasync ${OLD}.log`,
  `fdatasync ${OLD}.index`,
  `fdatasync ${OLD}.timeindex`,
  `open ${NEW}.index`,
  `open ${NEW}.timeindex`,
  `open ${NEW}.log`,
  'fsync t-0',
  `write ${NEW}.log`,
]

const isRollStep = (call: FileCall) => isOfPartition(call) && (call.verb !== 'open' || /^w/.test(call.detail!))

test('a roll: final time entry, old files durable, new files empty, their names durable, then the first batch', async () => {
  const partition = await TestPartition.create(settings)
  const writer = await partition.writer()
  await writer.append(big())
  const calls = new FileCalls()
  await writer.append(big())
  calls.stop()
  expect(calls.lines([...verbsThatWrite, 'open'], isRollStep)).toEqual(rollSteps)
  expect(readIndexes(partition.file(`${OLD}.log`))).toEqual(freshIndexes(partition.file(`${OLD}.log`), 0, 100))
  // Nobody asked for a sync, and nobody will: a roll is durable whatever the policy.
  await writer.close()
})

test('a segment that is not empty proves that everything below it is durable, without any checkpoint', async () => {
  const partition = await TestPartition.create(settings)
  const writer = await partition.writer()
  await writer.append(big())
  expect(partition.log.recoveryPoint()).toBe(0)
  await writer.append(big())
  expect(partition.log.recoveryPoint()).toBe(1)
  await writer.close()
  rmSync(join(partition.path, recoveryPointCheckpointFile), { force: true })
  expect(partition.log.recoveryPoint()).toBe(1)
})

/** A writer whose machine stops at the nth step of its roll: nothing that it would do afterwards happens. */
async function diesAtStep(writer: PartitionWriter, step: number): Promise<void> {
  let left = step
  let isDead = false
  const calls = new FileCalls({
    before(call) {
      if (
        isDead ||
        ((verbsThatWrite.includes(call.verb) || call.verb === 'open') && isRollStep(call) && left-- === 0)
      ) {
        isDead = true
        throw diskError('EIO')
      }
    },
  })
  await expect(writer.append(big())).rejects.toThrow('EIO')
  calls.stop()
}

const repeated = [`fdatasync ${OLD}.log`, `fdatasync ${OLD}.index`, `fdatasync ${OLD}.timeindex`, 'fsync t-0']

test.each(rollSteps.map((line, step) => [line, step] as const))(
  'a writer that dies before "%s" leaves what the next one goes on from',
  async (_, step) => {
    const partition = await TestPartition.create(settings)
    const writer = await partition.writer()
    await writer.append(big())
    await diesAtStep(writer, step)
    await writer.close()
    expect(values(partition)).toBe(1)
    const other = new TestPartition(partition.path)
    const calls = new FileCalls()
    const next = await other.writer()
    await expect(next.append(big())).resolves.toEqual({ baseOffset: 1, lastOffset: 1 })
    calls.stop()
    const order = calls.lines(['fdatasync', 'fsync', 'write'], isOfPartition)
    const firstBatch = order.indexOf(`write ${NEW}.log`)
    for (const line of repeated) {
      expect(order).toContain(line)
      expect(order.indexOf(line)).toBeLessThan(firstBatch)
    }
    await next.close()
    expect(values(partition)).toBe(2)
    expect(readIndexes(partition.file(`${OLD}.log`))).toEqual(freshIndexes(partition.file(`${OLD}.log`), 0, 100))
  },
)

test.each(rollSteps.map((line, step) => [line, step] as const))(
  'so does a writer that lives on beside one that dies before "%s"',
  async (_, step) => {
    const partition = await TestPartition.create(settings)
    const survivor = await new TestPartition(partition.path).writer()
    const writer = await partition.writer()
    await writer.append(big())
    await survivor.append(batchOf(['small']))
    await diesAtStep(writer, step)
    await writer.close()
    const calls = new FileCalls()
    await expect(survivor.append(big())).resolves.toEqual({ baseOffset: 2, lastOffset: 2 })
    calls.stop()
    const order = calls.lines(['fdatasync', 'fsync', 'write'], isOfPartition)
    const firstBatch = order.indexOf('write 00000000000000000002.log')
    expect(firstBatch).toBeGreaterThan(0)
    for (const line of repeated) {
      expect(order).toContain(line)
      expect(order.indexOf(line)).toBeLessThan(firstBatch)
    }
    await survivor.close()
    expect(values(partition)).toBe(3)
    expect(readIndexes(partition.file(`${OLD}.log`))).toEqual(freshIndexes(partition.file(`${OLD}.log`), 0, 100))
  },
)

async function besideOneThatRolled() {
  const partition = await TestPartition.create(settings)
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  await a.append(batchOf(['a']))
  await b.append(big())
  await b.append(big())
  expect(b.rolls).toBe(1)
  return { partition, a, b }
}

test('a writer that finds that another rolled syncs its own descriptor of the old segment before it goes on', async () => {
  const { partition, a, b } = await besideOneThatRolled()
  const calls = new FileCalls()
  await a.append(batchOf(['b']))
  calls.stop()
  expect(calls.lines(verbsThatWrite, isOfPartition).slice(0, 2)).toEqual([
    `fdatasync ${OLD}.log`,
    'write 00000000000000000002.log',
  ])
  await a.append(batchOf(['c']))
  await Promise.all([a.close(), b.close()])
  expect(values(partition)).toBe(5)
})

test('following a roll takes the indexes of the new segment as they are', async () => {
  const { partition, a, b } = await besideOneThatRolled()
  await b.append(batchOf(['b']))
  const { index } = readIndexes(partition.file('00000000000000000002.log'))
  expect(index.length).toBeGreaterThan(0)
  const calls = new FileCalls()
  await a.append(batchOf(['c']))
  calls.stop()
  expect(calls.lines(['rename', 'fsync', 'ftruncate'])).toEqual([])
  expect(readIndexes(partition.file('00000000000000000002.log')).index.subarray(0, index.length)).toEqual(index)
  await Promise.all([a.close(), b.close()])
})

test('if that sync fails, nothing is appended or acknowledged, and the mark is left', async () => {
  const { partition, a, b } = await besideOneThatRolled()
  const calls = new FileCalls({
    before({ verb, name }) {
      if (verb === 'fdatasync' && name === `${OLD}.log`) throw diskError('EIO')
    },
  })
  const failure = await a.append(batchOf(['b'])).catch(error => error)
  calls.stop()
  expect(failure).toBeInstanceOf(SyncFailedError)
  expect(failure.message).toBe('fdatasync failed: EIO: not on this disk; offsets below 0 are safe')
  expect(readUnsyncedMark(partition.folder)).toEqual({ baseOffset: 0, position: 0 })
  await Promise.all([a.close(), b.close()])
  expect(values(partition)).toBe(3)
})

test('one that wrote nothing unsynced into the old segment need not sync it', async () => {
  const partition = await TestPartition.create(settings)
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  await a.append(batchOf(['a']))
  await a.sync()
  for (let i = 0; i < 3; i++) await b.append(big())
  const calls = new FileCalls()
  await a.append(batchOf(['b']))
  calls.stop()
  expect(calls.lines(['fdatasync'])).toEqual([])
  await Promise.all([a.close(), b.close()])
})

/** The next asynchronous fdatasync begins, and fails when it is told to. */
function failingLater() {
  const started = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  new FileCalls({
    before({ verb }) {
      if (verb !== 'fdatasync-async') return undefined
      started.resolve()
      return ended.promise
    },
  })
  return { started: started.promise, fail: () => ended.reject(diskError('EIO')), succeed: () => ended.resolve() }
}

test('a roll waits for a sync that still runs: no segment may vouch for one whose sync fails', async () => {
  const partition = await TestPartition.create(settings)
  const writer = await partition.writer()
  await writer.append(big())
  const { fail, started } = failingLater()
  const synced = writer.sync().catch(error => error)
  await started
  const appended = writer.append(big()).catch(error => error)
  await new Promise(resolve => setTimeout(resolve, 20))
  expect(partition.logs()).toEqual([`${OLD}.log`])
  fail()
  expect(await synced).toBeInstanceOf(SyncFailedError)
  expect(await appended).toBeInstanceOf(SyncFailedError)
  expect(partition.logs()).toEqual([`${OLD}.log`])
  expect(readUnsyncedMark(partition.folder)).toEqual({ baseOffset: 0, position: 0 })
  await writer.close()
})

test('a sync beside one that still runs promises no more than that one has brought so far', async () => {
  const partition = await TestPartition.create(settings)
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  await a.append(batchOf(['a']))
  const { succeed, started } = failingLater()
  const first = a.sync()
  await started
  await b.append(big())
  // It has seen what the other one wrote, and waits for its own sync before it rolls.
  const rolling = a.append(big())
  await new Promise(resolve => setTimeout(resolve, 20))
  await expect(a.sync()).resolves.toBe(0)
  succeed()
  await expect(first).resolves.toBe(1)
  await expect(rolling).resolves.toEqual({ baseOffset: 2, lastOffset: 2 })
  await Promise.all([a.close(), b.close()])
})

test('a sync that ends well behind a roll counts for what it covered, and its descriptor is open until then', async () => {
  const partition = await TestPartition.create(settings)
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  await a.append(batchOf(['a']))
  const { succeed, started } = failingLater()
  const synced = a.sync()
  await started
  await b.append(big())
  await b.append(big())
  await expect(a.append(batchOf(['b']))).resolves.toEqual({ baseOffset: 3, lastOffset: 3 })
  succeed()
  await expect(synced).resolves.toBe(2)
  await expect(a.sync()).resolves.toBe(4)
  await Promise.all([a.close(), b.close()])
  expect(values(partition)).toBe(4)
})

test('who follows several rolls at once leaves the segments in between as they were closed', async () => {
  const partition = await TestPartition.create(settings)
  const [a, b] = [await partition.writer(), await new TestPartition(partition.path).writer()]
  await a.append(batchOf(['a']))
  for (let i = 0; i < 4; i++) await b.append(big())
  await a.append(batchOf(['b']))
  await Promise.all([a.close(), b.close()])
  expect(partition.logs()).toHaveLength(4)
  for (const name of partition.logs()) {
    const path = partition.file(name)
    expect(readIndexes(path), name).toEqual(freshIndexes(path, Number.parseInt(name, 10), 100))
    expect(readIndexes(path).timeIndex, name).toHaveLength(12)
  }
})

test('the indexes of a segment that another closed stay as they were closed, however many writers come by', async () => {
  const partition = await TestPartition.create(settings)
  const writers = [await partition.writer()]
  for (let i = 0; i < 2; i++) writers.push(await new TestPartition(partition.path).writer())
  for (let i = 0; i < 60; i++)
    await writers[(i * 7) % 3]!.append(batchOf([`${i} ${'x'.repeat(i * 5)}`], 1000 + ((i * 37) % 50)))
  await Promise.all(writers.map(writer => writer.close()))
  const logs = partition.logs()
  expect(logs.length).toBeGreaterThan(8)
  expect(writers.every(writer => writer.rolls > 0)).toBe(true)
  for (const name of logs) {
    const path = partition.file(name)
    expect(readIndexes(path), name).toEqual(freshIndexes(path, Number.parseInt(name, 10), 100))
  }
})
