import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DataDirectory, NotFoundError } from '../../src/log/index.ts'
import { appendRecords } from '../helpers/append-records.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

/** A topic of three partitions, as a crash leaves it between its entry and the last of its folders. */
async function unfinishedTopic(): Promise<DataDirectory> {
  const path = join(temporaryFolder(), 'data')
  await appendRecords(path, 't', [{ value: 'a', partition: 0 }], { partitions: 3 })
  for (const partition of [1, 2]) rmSync(join(path, `t-${partition}`), { recursive: true })
  return DataDirectory.open(path)
}

test('a partition whose folder is still to be made is an empty one to readers', async () => {
  const directory = await unfinishedTopic()
  for (const partition of [1, 2]) {
    const log = directory.partition('t', partition)
    expect(log.logStartOffset()).toBe(0)
    expect(log.logEndOffset()).toBe(0)
    expect(log.segments()).toEqual([])
    expect(log.sizeInBytes()).toBe(0)
    expect(log.reader({ from: 0 }).next()).toBeUndefined()
    expect(log.backwardReader().next()).toBeUndefined()
    expect(log.offsetForTimestamp(0)).toBeUndefined()
    expect(log.maxTimestamp()).toBeUndefined()
    expect(log.firstTimestamp()).toBe(-1)
  }
  const values: string[] = []
  for await (const { value } of directory.read('t')) values.push(`${value}`)
  expect(values).toEqual(['a'])
  directory.close()
})

test('the next appender makes what is missing, also what it will not write to', async () => {
  const directory = await unfinishedTopic()
  const appender = await directory.topicAppender('t', { partition: 0 })
  for (const partition of [1, 2]) {
    expect(existsSync(join(directory.path, `t-${partition}`, '00000000000000000000.log'))).toBe(true)
  }
  await appender.close()
  directory.close()
})

test('a follower goes on in a folder that is made behind its back', async () => {
  const directory = await unfinishedTopic()
  const log = directory.partition('t', 2)
  const watch = log.watch()
  const reader = log.reader({ from: 0 })
  expect(reader.next()).toBeUndefined()
  await appendRecords(directory.path, 't', [{ value: 'b', partition: 2 }])
  await watch.wait(60_000)
  expect(reader.next()?.recordsCount).toBe(1)
  watch.close()
  reader.close()
  directory.close()
})

test('a folder that is lost with records of which a recovery point speaks is not called empty', async () => {
  const directory = await unfinishedTopic()
  await directory.append('t', [{ value: 'synced' }], { partition: 0 })
  rmSync(join(directory.path, 't-0'), { recursive: true })
  expect(() => directory.partition('t', 0).logEndOffset()).toThrow(NotFoundError)
  directory.close()
})
