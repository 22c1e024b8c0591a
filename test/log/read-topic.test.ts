import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  CorruptLogError,
  InvalidArgumentError,
  NotFoundError,
  OffsetOutOfRangeError,
  RecordsRemovedError,
} from '../../src/log/errors.ts'
import type { ReadOptions } from '../../src/log/read-topic.ts'
import { LibraryTopic, textOf } from '../helpers/library-topic.ts'

test('records come back as they were given, with key, value, headers, time, partition and offset', async () => {
  const { directory } = await LibraryTopic.create()
  await directory.append('t', [
    {
      key: 'k',
      value: 'v',
      headers: [
        ['h', 'x'],
        ['h', null],
      ],
      timestamp: 1000,
    },
    { key: new Uint8Array([0, 255]), value: null, timestamp: new Date(2000) },
    { value: '', headers: { a: Buffer.from([7]) }, timestamp: -1 },
  ])
  const records = await Array.fromAsync(directory.read('t'))
  expect(records).toEqual([
    {
      topic: 't',
      partition: 0,
      offset: 0,
      timestamp: 1000,
      timestampType: 'CreateTime',
      key: Buffer.from('k'),
      value: Buffer.from('v'),
      headers: [
        ['h', Buffer.from('x')],
        ['h', null],
      ],
    },
    expect.objectContaining({ offset: 1, timestamp: 2000, key: Buffer.from([0, 255]), value: null, headers: [] }),
    expect.objectContaining({ offset: 2, timestamp: -1, key: null, value: Buffer.alloc(0) }),
  ])
  expect(records[2]!.headers).toEqual([['a', Buffer.from([7])]])
})

test('what was read can be appended to another topic as it is', async () => {
  const { directory } = await LibraryTopic.create({ partitions: 2 })
  await directory.append(
    't',
    Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: i % 7 === 0 ? null : `v${i}`, timestamp: 5000 - i })),
  )
  await directory.createTopic('copy', { partitions: 2 })
  await directory.append('copy', directory.read('t'))
  const strip = async (topic: string) =>
    (await Array.fromAsync(directory.read(topic, { order: 'partition' }))).map(({ topic: _, ...rest }) => rest)
  expect(await strip('copy')).toEqual(await strip('t'))
})

test('a range is by offset, time, or end, for all partitions or by number', async () => {
  const topic = await LibraryTopic.create({ partitions: 2 })
  // Times 0, 10, 20, … in turn in partitions 0 and 1.
  await topic.appendTimes(Array.from({ length: 20 }, (_, i) => ({ partition: i % 2, timestamp: i * 10 })))
  const read = async (options: ReadOptions) => (await textOf(topic.directory.read('t', options))).join(' ')
  expect(await read({ partitions: [1], from: 8 })).toBe('1:8@170 1:9@190')
  expect(await read({ from: new Date(165) })).toBe('1:8@170 0:9@180 1:9@190')
  expect(await read({ from: new Date(165), until: new Date(190) })).toBe('1:8@170 0:9@180')
  expect(await read({ until: 1 })).toBe('0:0@0 1:0@10')
  expect(await read({ from: new Map([[0, 9]]), until: new Map([[1, 1]]) })).toBe('1:0@10 0:9@180')
  expect(await read({ from: 'end' })).toBe('')
  expect(await read({ from: new Date(1e6) })).toBe('')
  expect(await read({ from: 9, order: 'partition' })).toBe('0:9@180 1:9@190')
  expect(await read({ partitions: [1, 0, 1], from: 9 })).toBe('0:9@180 1:9@190')
  expect(await read({ from: 5, until: 5 })).toBe('')
  expect(await read({ from: 9, until: Number.POSITIVE_INFINITY })).toBe('0:9@180 1:9@190')
})

test('a read ends where the log ended at the call, and sees nothing of what is appended meanwhile', async () => {
  const topic = await LibraryTopic.create()
  await topic.appendValues(['a', 'b'])
  const records = topic.directory.read('t')
  await topic.appendValues(['c'])
  expect(await textOf(records, 'value')).toEqual(['a', 'b'])
})

test('what cannot be read is refused at the call', async () => {
  const topic = await LibraryTopic.create()
  await topic.appendValues(['a'])
  const { directory } = topic
  expect(() => directory.read('nothing')).toThrow(NotFoundError)
  expect(() => directory.read('t', { partitions: [1] })).toThrow(NotFoundError)
  expect(() => directory.read('t', { from: 2 })).toThrow(OffsetOutOfRangeError)
  expect(() => directory.follow('t', { from: 2 })).toThrow(OffsetOutOfRangeError)
  expect(() => directory.read('t', { from: -1 })).toThrow(InvalidArgumentError)
  expect(() => directory.read('t', { from: 0.5 })).toThrow(InvalidArgumentError)
  expect(() => directory.read('t', { until: new Date('never') })).toThrow(InvalidArgumentError)
})

test('a reader that leaves early, and one that never begins, keep no file open', async () => {
  const topic = await LibraryTopic.create()
  await topic.appendValues(['a', 'b'])
  const open = topic.openFiles()
  topic.directory.read('t')
  for await (const _ of topic.directory.read('t', { isolation: 'read_committed' })) break
  for await (const _ of topic.directory.follow('t')) break
  expect(topic.openFiles()).toEqual(open)
})

test('damage ends the reading behind the valid records, or is told and passed over', async () => {
  const topic = await LibraryTopic.create()
  for (const value of ['a', 'b', 'c']) await topic.appendValues([value])
  topic.flipBit(66)
  const seen: string[] = []
  const reading = (async () => {
    for await (const { value } of topic.directory.read('t')) seen.push(String(value))
  })()
  await expect(reading).rejects.toThrow(CorruptLogError)
  const damages: object[] = []
  const records = topic.directory.read('t', { onDamage: damage => damages.push(damage) })
  expect(await textOf(records, 'value')).toEqual(['b', 'c'])
  expect(damages).toEqual([expect.objectContaining({ firstOffset: 0, lastOffset: 0, position: 0 })])
})

test('records that retention took meanwhile are an error, or are told and passed over', async () => {
  const topic = await LibraryTopic.create({ config: { 'segment.bytes': 1024 } })
  for (let i = 0; i < 20; i++) await topic.appendValues([`value ${i} ${'x'.repeat(300)}`])
  const logs = topic.logs()
  const explicit = topic.directory.read('t', { from: 1 })
  const removed: object[] = []
  const told = topic.directory.read('t', { from: 1, onRemoved: range => removed.push(range) })
  const fromBeginning = topic.directory.read('t')
  for (const log of logs.slice(0, 4)) rmSync(log)
  const first = topic.baseOffset(logs[4]!)
  await expect(textOf(explicit)).rejects.toThrow(RecordsRemovedError)
  expect(await textOf(told, 'value')).toHaveLength(20 - first)
  expect(removed).toEqual([{ topic: 't', partition: 0, firstOffset: 1, lastOffset: first - 1 }])
  // Nobody asked for these by number.
  expect(await textOf(fromBeginning, 'value')).toHaveLength(20 - first)
})

test('a long read lets timers run', async () => {
  const topic = await LibraryTopic.create()
  await topic.appendValues(Array.from({ length: 50_000 }, (_, i) => `${i}`))
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)
  let count = 0
  for await (const _ of topic.directory.read('t')) count++
  clearInterval(timer)
  expect(count).toBe(50_000)
  expect(ticks).toBeGreaterThan(0)
})
