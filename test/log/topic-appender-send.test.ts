import { expect, test } from 'vitest'
import { InvalidRecordError, RecordTooLargeError } from '../../src/log/errors.ts'
import { topicConfig } from '../../src/log/file/topic-config.ts'
import { type AppendOptions, TopicAppender } from '../../src/log/topic-appender.ts'
import { MemoryPartition } from '../helpers/memory-partition.ts'

async function open(options: AppendOptions = {}) {
  const memory = new MemoryPartition()
  const config = topicConfig(new Map([['max.message.bytes', '1000']]))
  const destination = { topic: 't', partitions: [0], config, openWriter: async () => memory }
  return { memory, appender: await TopicAppender.open(destination, { lingerMs: 1e6, ...options }) }
}

test('send takes what append takes, and flushes by itself when a batch is full', async () => {
  const { memory, appender } = await open()
  const values = Array.from({ length: 200 }, (_, i) => `value ${i} ${'x'.repeat(40)}`)
  for (const value of values) await appender.send({ value, key: 'k', timestamp: 7, headers: { h: null } })
  expect(await appender.close()).toMatchObject({ records: 200, synced: true })
  expect(memory.values).toEqual(values)
  expect(memory.records[199]).toMatchObject({ key: 'k', timestamp: 7, headers: [['h', null]] })
  expect(memory.batches.length).toBeGreaterThan(10)
})

test('calls that nobody awaits keep their order, and end', async () => {
  const { memory, appender } = await open()
  memory.delay = () => new Promise(resolve => setTimeout(resolve, 1))
  const values = Array.from({ length: 100 }, (_, i) => `value ${i} ${'x'.repeat(90)}`)
  const sent = values.map(value => appender.send({ value }))
  expect(await appender.close()).toMatchObject({ records: 100 })
  await Promise.all(sent)
  expect(memory.values).toEqual(values)
})

test('sync covers what was sent before, awaited or not', async () => {
  const { memory, appender } = await open({ sync: 'never' })
  for (let i = 0; i < 30; i++) void appender.send({ value: 'x'.repeat(90) })
  await appender.sync()
  expect(memory.durableOffset).toBe(30)
  await appender.close()
})

test('a record that is refused leaves the appender as it was', async () => {
  const { memory, appender } = await open()
  await appender.send({ value: 'one' })
  await expect(appender.send({ value: 'x'.repeat(1001) })).rejects.toThrow(RecordTooLargeError)
  await expect(appender.send({ value: '\ud800' })).rejects.toThrow(InvalidRecordError)
  await expect(appender.send({ value: '', timestamp: 0.5 })).rejects.toThrow(InvalidRecordError)
  await expect(appender.send({ value: '', partition: 1 })).rejects.toThrow('topic t has no partition 1')
  await appender.send({ value: 'two' })
  await appender.close()
  expect(memory.values).toEqual(['one', 'two'])
})

test('after a failed write every send throws it, also those that were waiting', async () => {
  const { memory, appender } = await open()
  memory.failWith = { onAppend: new Error('no space left') }
  const sent = Array.from({ length: 30 }, () => appender.send({ value: 'x'.repeat(90) }))
  const outcomes = await Promise.allSettled(sent)
  expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { message: 'no space left' } })
  await expect(appender.send({ value: 'more' })).rejects.toThrow('no space left')
  await expect(appender.close()).rejects.toThrow('no space left')
})

test('a closed appender takes nothing', async () => {
  const { memory, appender } = await open()
  await appender.close()
  await expect(appender.send({ value: 'late' })).rejects.toThrow('the appender is closed')
  expect(memory.values).toEqual([])
})
