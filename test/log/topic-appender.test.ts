import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { InvalidArgumentError, InvalidRecordError, RecordTooLargeError } from '../../src/log/errors.ts'
import { topicConfig } from '../../src/log/file/topic-config.ts'
import type { Ack } from '../../src/log/partition-appender.ts'
import { encodeHeaders } from '../../src/log/record/batch-builder.ts'
import { partitionForKey } from '../../src/log/record/murmur2.ts'
import { type AppendOptions, TopicAppender } from '../../src/log/topic-appender.ts'
import { MemoryPartition } from '../helpers/memory-partition.ts'

interface Setup extends AppendOptions {
  partitions?: number[]
  config?: Record<string, string>
}

async function open({ partitions = [0], config = {}, ...options }: Setup = {}) {
  const memory = new Map(partitions.map(partition => [partition, new MemoryPartition(100 * partition)]))
  const opened: number[] = []
  const destination = {
    topic: 'events',
    partitions,
    config: topicConfig(new Map(Object.entries(config))),
    openWriter: async (partition: number) => {
      opened.push(partition)
      return memory.get(partition)!
    },
  }
  // A linger that does not come to pass, unless a test asks for one.
  const appender = await TopicAppender.open(destination, { lingerMs: 1e6, ...options })
  return { appender, memory, opened, only: memory.get(partitions[0]!)! }
}

const newline = 0x0a

function appendText(appender: TopicAppender, key: string | null, value: string | null, fields = {}): boolean {
  const keyBytes = key === null ? null : Buffer.from(key)
  const valueBytes = value === null ? null : Buffer.from(value)
  return appender.append(keyBytes, 0, keyBytes?.length ?? 0, valueBytes, 0, valueBytes?.length ?? 0, fields)
}

async function appendLines(appender: TopicAppender, text: string): Promise<void> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    const behind = appender.appendDelimited(bytes, at, bytes.length, newline)
    if (behind < bytes.length) await appender.flushFull()
    at = behind
  }
}

test('records are written in one batch at the end, and the summary says where', async () => {
  const { appender, only } = await open()
  await appendLines(appender, 'a\nb\n')
  expect(appendText(appender, 'k', null, { timestamp: 5, headers: encodeHeaders([[Buffer.from('h'), null]]) })).toBe(
    true,
  )
  expect(only.batches).toEqual([])
  expect(await appender.close()).toEqual({
    topic: 'events',
    records: 3,
    synced: true,
    partitions: [{ partition: 0, baseOffset: 0, lastOffset: 2, records: 3, durableOffset: 3 }],
  })
  expect(only.values).toEqual(['a', 'b', null])
  expect(only.records[2]).toEqual({ key: 'k', value: null, timestamp: 5, headers: [['h', null]] })
  expect(only.batches).toHaveLength(1)
  expect(only.isClosed).toBe(true)
})

test('a full batch makes the caller flush, and nothing is lost or doubled', async () => {
  const { appender, only } = await open()
  const lines = Array.from({ length: 20_000 }, (_, n) => `line ${n} ${'x'.repeat(40)}`)
  await appendLines(appender, `${lines.join('\n')}\n`)
  for (let n = 0; n < 5000; n++) {
    while (!appendText(appender, null, `more ${n} ${'y'.repeat(100)}`)) await appender.flushFull()
  }
  expect(appender.records).toBe(25_000)
  await appender.close()
  expect(only.values.slice(0, 20_000)).toEqual(lines)
  expect(only.values[24_999]).toContain('more 4999')
  for (const { bytes } of only.batches.slice(0, -1)) {
    expect(bytes).toBeGreaterThan(250_000)
    expect(bytes).toBeLessThanOrEqual(256 * 1024)
  }
})

test('while a batch is written nothing is taken, so its bytes hold still', async () => {
  const { appender, only } = await open()
  only.delay = () => sleep(10)
  appendText(appender, null, 'a')
  const flushed = appender.flush()
  expect(appendText(appender, null, 'b')).toBe(false)
  expect(appender.appendDelimited(Buffer.from('b\n'), 0, 2, newline)).toBe(0)
  await Promise.all([flushed, appender.flushFull(), appender.flush()])
  expect(appendText(appender, null, 'b')).toBe(true)
  await appender.close()
  expect(only.values).toEqual(['a', 'b'])
})

test('a slow input is written when the linger is over, with 0 as soon as the caller waits', async () => {
  for (const lingerMs of [0, 20]) {
    const { appender, only } = await open({ lingerMs })
    appendText(appender, null, 'a')
    appendText(appender, null, 'b')
    expect(only.batches).toHaveLength(0)
    while (only.batches.length === 0) await sleep(1)
    expect(only.batches).toHaveLength(1)
    appendText(appender, null, 'c')
    while (only.batches.length === 1) await sleep(1)
    expect(only.values).toEqual(['a', 'b', 'c'])
    await appender.close()
  }
})

test('linger is longer after it cut many batches short, so that small writes cannot take all the time', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const partitions = Array.from({ length: 100 }, (_, n) => n)
  const { appender, memory } = await open({ partitions, lingerMs: 5 })
  const batches = () => [...memory.values()].reduce((sum, partition) => sum + partition.batches.length, 0)
  for (const partition of partitions) appendText(appender, null, 'a', { partition })
  await vi.advanceTimersByTimeAsync(5)
  expect(batches()).toBe(100)
  appendText(appender, null, 'b', { partition: 0 })
  await vi.advanceTimersByTimeAsync(39)
  expect(batches()).toBe(100)
  await vi.advanceTimersByTimeAsync(1)
  expect(batches()).toBe(101)
  appendText(appender, null, 'c', { partition: 0 })
  await vi.advanceTimersByTimeAsync(5)
  expect(batches()).toBe(102)
  await appender.close()
})

test('keys go where Kafka puts them, an empty key too; records without one fill one partition after the other', async () => {
  const { appender, memory } = await open({ partitions: [0, 1, 2, 3] })
  const keys = ['21', 'foobar', 'key-1', 'user-42', '', '日本語']
  for (const key of keys) appendText(appender, key, key)
  await appender.flush()
  for (const key of keys) {
    const bytes = Buffer.from(key)
    const expected = memory.get(partitionForKey(bytes, 0, bytes.length, 4))!
    expect(expected.records.map(record => record.key)).toContain(bytes.toString('latin1'))
  }
  const before = [...memory.values()].map(partition => partition.batches.length)
  for (let batch = 0; batch < 40; batch++) {
    await appendLines(appender, 'x\ny\nz\n')
    await appender.flush()
  }
  const after = [...memory.values()].map((partition, n) => partition.batches.length - before[n]!)
  expect(after.reduce((sum, count) => sum + count)).toBe(40)
  for (const count of after) expect(count).toBeGreaterThan(0)
  await appender.close()
})

test('round-robin deals out record by record, sticky ignores keys, -p overrides', async () => {
  const dealt = await open({ partitions: [0, 1, 2], partitioner: 'round-robin' })
  await appendLines(dealt.appender, 'a\nb\nc\nd\n')
  appendText(dealt.appender, 'key', 'e')
  await dealt.appender.close()
  expect([...dealt.memory.values()].map(partition => partition.values)).toEqual([['a', 'd'], ['b', 'e'], ['c']])

  const sticky = await open({ partitions: [0, 1, 2], partitioner: 'sticky' })
  for (const key of ['a', 'b', 'c', 'd']) appendText(sticky.appender, key, key)
  await sticky.appender.close()
  expect([...sticky.memory.values()].filter(partition => partition.batches.length > 0)).toHaveLength(1)

  const fixed = await open({ partitions: [0, 1, 2], partition: 2, partitioner: 'round-robin' })
  await appendLines(fixed.appender, 'a\nb\n')
  appendText(fixed.appender, 'key', 'c')
  await fixed.appender.close()
  expect(fixed.memory.get(2)!.values).toEqual(['a', 'b', 'c'])
})

test('a record may name its partition; one that is not there is refused', async () => {
  const { appender, memory } = await open({ partitions: [0, 1] })
  appendText(appender, null, 'a', { partition: 1 })
  expect(() => appendText(appender, null, 'b', { partition: 2 })).toThrow('topic events has no partition 2')
  await appender.close()
  expect(memory.get(1)!.values).toEqual(['a'])
  await expect(open({ partition: 5 })).rejects.toThrow(InvalidArgumentError)
})

test('with gaps between the numbers of the partitions a named one is written to', async () => {
  const { appender, memory } = await open({ partitions: [0, 3], partition: 3 })
  expect(appendText(appender, 'k', 'a')).toBe(true)
  await appender.close()
  expect(memory.get(3)!.values).toEqual(['a'])
})

test('only partitions that get records are opened, but a sole one before the input is read', async () => {
  const many = await open({ partitions: [0, 1, 2] })
  expect(many.opened).toEqual([])
  appendText(many.appender, null, 'a', { partition: 2 })
  await many.appender.close()
  expect(many.opened).toEqual([2])
  const one = await open()
  expect(one.opened).toEqual([0])
  expect((await one.appender.close()).records).toBe(0)
  expect(one.only.isClosed).toBe(true)
})

test('never: acks at the write, unsynced; end: acks after a sync; batch: each batch has its own', async () => {
  for (const sync of ['never', 'end', 'batch'] as const) {
    const acks: Ack[] = []
    const { appender, only } = await open({ sync, onAck: ack => acks.push(ack) })
    appendText(appender, null, 'a')
    await appender.flush()
    appendText(appender, null, 'b')
    appendText(appender, null, 'c')
    await appender.flush()
    expect(acks).toHaveLength(sync === 'end' ? 0 : 2)
    expect(only.syncs).toBe(sync === 'batch' ? 2 : 0)
    const summary = await appender.close()
    const synced = sync !== 'never'
    expect(acks).toEqual([
      { topic: 'events', partition: 0, baseOffset: 0, lastOffset: 0, records: 1, synced },
      { topic: 'events', partition: 0, baseOffset: 1, lastOffset: 2, records: 2, synced },
    ])
    expect(only.syncs).toBe({ never: 0, end: 1, batch: 2 }[sync])
    expect(summary.synced).toBe(synced)
  }
})

test('a duration syncs in the background while something is not, and never holds up the input', async () => {
  const acks: Ack[] = []
  const { appender, only } = await open({ sync: { everyMs: 10 }, lingerMs: 0, onAck: ack => acks.push(ack) })
  let isSyncing = false
  let letSyncEnd = () => {}
  only.sync = async () => {
    const covered = only.nextOffset
    isSyncing = true
    await new Promise<void>(resolve => {
      letSyncEnd = resolve
    })
    isSyncing = false
    only.syncs++
    return covered
  }
  const until = async (condition: () => boolean) => {
    while (!condition()) await sleep(1)
  }
  appendText(appender, null, 'a')
  await until(() => isSyncing)
  appendText(appender, null, 'b')
  await until(() => only.values.length === 2)
  expect(acks).toEqual([])
  letSyncEnd()
  await until(() => acks.length === 1)
  // What was written meanwhile gets a sync of its own.
  await until(() => isSyncing)
  letSyncEnd()
  await until(() => acks.length === 2)
  expect(acks.map(ack => ack.lastOffset)).toEqual([0, 1])
  await sleep(50)
  expect(only.syncs).toBe(2)
  await appender.close()
})

test('close waits for a sync under way and syncs once more what it did not cover', async () => {
  const { appender, only } = await open({ sync: { everyMs: 1 }, lingerMs: 0 })
  only.delay = () => sleep(20)
  appendText(appender, null, 'a')
  await sleep(30)
  while (!appendText(appender, null, 'b')) await appender.flushFull()
  await appender.close()
  expect(only.durableOffset).toBe(2)
})

test('after a failed write nothing more is taken or written, and every call says why', async () => {
  const failures: unknown[] = []
  const { appender, only } = await open({ onFailure: error => failures.push(error) })
  appendText(appender, null, 'a')
  const failure = new Error('disk full')
  only.failWith.onAppend = failure
  await expect(appender.flush()).rejects.toBe(failure)
  expect(failures).toEqual([failure])
  expect(() => appendText(appender, null, 'b')).toThrow(failure)
  await expect(appender.flushFull()).rejects.toBe(failure)
  await expect(appender.close()).rejects.toBe(failure)
  expect(only.isClosed).toBe(true)
  expect(appender.summary()).toEqual({ topic: 'events', records: 0, synced: true, partitions: [] })
})

test('a failed sync in the background is told at once, and no ack comes after it', async () => {
  const acks: Ack[] = []
  let failed: unknown
  const { appender, only } = await open({
    sync: { everyMs: 1 },
    lingerMs: 0,
    onAck: ack => acks.push(ack),
    onFailure: error => {
      failed = error
    },
  })
  only.failWith.onSync = new Error('EIO')
  appendText(appender, null, 'a')
  while (failed === undefined) await sleep(1)
  only.failWith = {}
  await expect(appender.close()).rejects.toThrow('EIO')
  expect(acks).toEqual([])
  expect(appender.summary().partitions).toEqual([
    { partition: 0, baseOffset: 0, lastOffset: 0, records: 1, durableOffset: -1 },
  ])
})

test('a compacted topic refuses records without a key, lines too, and keeps what came before', async () => {
  const { appender, only } = await open({ config: { 'cleanup.policy': 'compact,delete' } })
  expect(appendText(appender, 'k', 'v')).toBe(true)
  expect(appendText(appender, '', null)).toBe(true)
  expect(() => appendText(appender, null, 'v')).toThrow(InvalidRecordError)
  expect(() => appender.appendDelimited(Buffer.from('a\n'), 0, 2, newline)).toThrow(InvalidRecordError)
  await appender.close()
  expect(only.values).toEqual(['v', null])
})

test('a record that fits into no batch is refused, and what came before it is written', async () => {
  const { appender, only } = await open({ config: { 'max.message.bytes': '200' } })
  await appendLines(appender, 'a\nb\n')
  await appender.flush()
  const input = Buffer.from(`c\n${'x'.repeat(300)}\n`)
  const behind = appender.appendDelimited(input, 0, input.length, newline)
  expect(behind).toBe(2)
  await appender.flushFull()
  expect(() => appender.appendDelimited(input, behind, input.length, newline)).toThrow(RecordTooLargeError)
  expect(appender.records).toBe(3)
  await appender.close()
  expect(only.values).toEqual(['a', 'b', 'c'])
})

test('batches respect max.message.bytes and segment.bytes', async () => {
  for (const key of ['max.message.bytes', 'internal.segment.bytes']) {
    const { appender, only } = await open({ config: { [key]: '1024' } })
    await appendLines(appender, 'twenty bytes in all\n'.repeat(100))
    await appender.close()
    expect(only.values).toHaveLength(100)
    for (const { bytes } of only.batches) expect(bytes).toBeLessThanOrEqual(1024)
  }
})

test('compression of the run, else of the topic', async () => {
  const codecIdOf = async (setup: Setup) => {
    const { appender, only } = await open(setup)
    await appendLines(appender, 'some text\n'.repeat(50))
    await appender.close()
    expect(only.values).toHaveLength(50)
    return only.batches[0]!.codecId
  }
  expect(await codecIdOf({})).toBe(0)
  expect(await codecIdOf({ config: { 'compression.type': 'gzip' } })).toBe(1)
  expect(await codecIdOf({ config: { 'compression.type': 'gzip' }, compression: 'none' })).toBe(0)
  expect(await codecIdOf({ config: { 'compression.type': 'uncompressed' }, compression: 'zstd' })).toBe(4)
})

test('timestamps: the record has its own, else the run, else the clock; LogAppendTime takes the clock', async () => {
  const began = Date.now()
  const { appender, only } = await open({ timestamp: 1000 })
  appendText(appender, null, 'a', { timestamp: 7 })
  await appendLines(appender, 'b\n')
  await appender.close()
  expect(only.records.map(record => record.timestamp)).toEqual([7, 1000])

  const clocked = await open()
  await appendLines(clocked.appender, 'a\n')
  appendText(clocked.appender, null, 'b')
  await clocked.appender.close()
  for (const { timestamp } of clocked.only.records) expect(timestamp).toBeGreaterThanOrEqual(began)

  const config = { 'message.timestamp.type': 'LogAppendTime' }
  const stamped = await open({ config, timestamp: 1000 })
  appendText(stamped.appender, null, 'a', { timestamp: 7 })
  await stamped.appender.close()
  expect(stamped.only.batches[0]!.isLogAppendTime).toBe(true)
  expect(stamped.only.records[0]!.timestamp).toBeGreaterThanOrEqual(began)
})

test('headers of the run go to records that bring none', async () => {
  const { appender, only } = await open({ headers: [[Buffer.from('h'), Buffer.from('1')]] })
  await appendLines(appender, 'a\n')
  appendText(appender, null, 'b', { headers: encodeHeaders([]) })
  await appender.close()
  expect(only.records.map(record => record.headers)).toEqual([[['h', '1']], []])
})

test('an explicit sync writes and syncs whatever the policy', async () => {
  const { appender, only } = await open({ sync: 'never' })
  appendText(appender, null, 'a')
  await appender.sync()
  expect(only.durableOffset).toBe(1)
  await appender.close()
})
