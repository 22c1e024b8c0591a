import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LogReplacedError, RecordsRemovedError } from '../../src/log/errors.ts'
import type { TopicRecord } from '../../src/log/read-topic.ts'
import { LibraryTopic, textOf } from '../helpers/library-topic.ts'

/** Takes so many records and leaves. */
async function take(records: AsyncGenerator<TopicRecord>, count: number): Promise<string[]> {
  const values: string[] = []
  while (values.length < count) {
    const { done, value } = await records.next()
    if (done) break
    values.push(String(value.value))
  }
  return values
}

test('a follower gets what is there and what comes, across rolls, until the signal', async () => {
  const topic = await LibraryTopic.create({ config: { 'segment.bytes': 1024 } })
  await topic.appendValues(['there'])
  const stop = new AbortController()
  const values = textOf(topic.directory.follow('t', { signal: stop.signal }), 'value')
  const expected = ['there']
  for (let i = 0; i < 30; i++) {
    const value = `value ${i} ${'x'.repeat(200)}`
    expected.push(value)
    await topic.appendValues([value])
  }
  expect(topic.logs().length).toBeGreaterThan(5)
  await sleep(300)
  stop.abort()
  expect(await values).toEqual(expected)
})

test('a follower wakes up for what another process appends', async () => {
  const topic = await LibraryTopic.create()
  const records = topic.directory.follow('t')
  const next = take(records, 1)
  await sleep(100)
  const source = `
    import { DataDirectory } from ${JSON.stringify(join(import.meta.dirname, '../../src/log/index.ts'))}
    const directory = DataDirectory.open(${JSON.stringify(topic.directory.path)})
    await directory.append('t', [{ value: 'from elsewhere' }])
    directory.close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'inherit' })
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(await next).toEqual(['from elsewhere'])
  await records.return()
})

test('an end by offset or by time is reached when the log gets there', async () => {
  const topic = await LibraryTopic.create()
  const byOffset = textOf(topic.directory.follow('t', { until: 2 }))
  const byTime = textOf(topic.directory.follow('t', { until: new Date(20) }))
  const never = textOf(topic.directory.follow('t', { from: 'end', until: 'end' }))
  expect(await never).toEqual([])
  for (const timestamp of [0, 10, 20, 30]) await topic.appendTimes([{ partition: 0, timestamp }])
  expect(await byOffset).toEqual(['0:0@0', '0:1@10'])
  expect(await byTime).toEqual(['0:0@0', '0:1@10'])
  // Now the time is known, and so is the offset.
  expect(await textOf(topic.directory.follow('t', { until: new Date(20) }))).toEqual(['0:0@0', '0:1@10'])
})

test('from the end means from the call on', async () => {
  const topic = await LibraryTopic.create()
  await topic.appendValues(['before'])
  const records = topic.directory.follow('t', { from: 'end' })
  await topic.appendValues(['after'])
  expect(await take(records, 1)).toEqual(['after'])
  await records.return()
})

test('a partition that is added is followed from its beginning', async () => {
  const topic = await LibraryTopic.create()
  const { directory } = topic
  await topic.appendValues(['old'])
  const all = directory.follow('t', { from: 'end' })
  const only = directory.follow('t', { from: 'end', partitions: [0] })
  const next = take(all, 1)
  await sleep(50)
  await directory.alterTopic('t', { partitions: 2 })
  await directory.append('t', [{ value: 'in the new one', partition: 1 }])
  expect(await next).toEqual(['in the new one'])
  await directory.append('t', [{ value: 'in the old one', partition: 0 }])
  expect(await take(only, 1)).toEqual(['in the old one'])
  await all.return()
  await only.return()
})

test('a signal that was given before ends it at once, one that comes during a wait within moments', async () => {
  const topic = await LibraryTopic.create()
  await topic.appendValues(['a'])
  expect(await textOf(topic.directory.follow('t', { signal: AbortSignal.abort() }))).toEqual([])
  const stop = new AbortController()
  const records = topic.directory.follow('t', { signal: stop.signal })
  expect(await take(records, 1)).toEqual(['a'])
  const end = records.next()
  await sleep(20)
  const before = performance.now()
  stop.abort()
  expect(await end).toEqual({ done: true, value: undefined })
  // A wait that nobody ends lasts a second.
  expect(performance.now() - before).toBeLessThan(900)
})

test('records that retention took are an error with both offsets, or are told and passed over', async () => {
  const topic = await LibraryTopic.create({ config: { 'segment.bytes': 1024 } })
  for (let i = 0; i < 12; i++) await topic.appendValues([`value ${i} ${'x'.repeat(300)}`])
  const removed: object[] = []
  const told = topic.directory.follow('t', { onRemoved: range => removed.push(range), until: 12 })
  const untold = topic.directory.follow('t')
  expect((await take(told, 1))[0]).toMatch(/^value 0 /)
  expect((await take(untold, 1))[0]).toMatch(/^value 0 /)
  const logs = topic.logs()
  const [second, fourth] = [topic.baseOffset(logs[1]!), topic.baseOffset(logs[3]!)]
  for (const log of logs.slice(0, 3)) rmSync(log)
  const rest = await take(told, 100)
  // The segment that was open is finished.
  expect(rest.map(value => Number(value.split(' ')[1]))).toEqual(
    Array.from({ length: 12 }, (_, i) => i).filter(i => (i > 0 && i < second) || i >= fourth),
  )
  expect(removed).toEqual([{ topic: 't', partition: 0, firstOffset: second, lastOffset: fourth - 1 }])
  await expect(take(untold, 100)).rejects.toMatchObject({
    code: RecordsRemovedError.code,
    firstOffset: second,
    lastOffset: fourth - 1,
  })
})

test.each([
  ['deleted', async (_: LibraryTopic) => {}],
  [
    'deleted and made anew',
    async (topic: LibraryTopic) => {
      await topic.directory.createTopic('t')
      await topic.appendValues(['x', 'y', 'z'])
    },
  ],
])('a topic that is %s ends the follower', async (_, afterwards) => {
  const topic = await LibraryTopic.create()
  await topic.appendValues(['a', 'b'])
  const records = topic.directory.follow('t')
  expect(await take(records, 2)).toEqual(['a', 'b'])
  const end = expect(records.next()).rejects.toThrow(LogReplacedError)
  await topic.directory.deleteTopic('t')
  await afterwards(topic)
  await end
})

test('read_committed is followed too', async () => {
  const topic = await LibraryTopic.create()
  const records = topic.directory.follow('t', { isolation: 'read_committed' })
  const next = take(records, 2)
  await topic.appendValues(['a'])
  await sleep(50)
  await topic.appendValues(['b'])
  expect(await next).toEqual(['a', 'b'])
  await records.return()
})
