/**
 * protocol.md, Files of the directory. Proven elsewhere:
 * the shape of loglady-topics.json: test/log/file/topics-file.test.ts; group names in file names, and names that Kafka refuses:
 * names.test.ts; groups and their lines: group-checkpoint.test.ts; every step at which a compaction can be killed:
 * load-order.test.ts; checkpoints beside other processes: offset-checkpoint.test.ts.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { DataDirectory } from '../../../src/log/data-directory.ts'
import { InvalidArgumentError } from '../../../src/log/errors.ts'
import { GroupCheckpoint } from '../../../src/log/file/group-checkpoint.ts'
import {
  leaderEpochCheckpointFile,
  logStartOffsetCheckpointFile,
  parsePartitionFolderName,
  partitionMetadataFile,
  recoveryPointCheckpointFile,
  topicsFile,
} from '../../../src/log/file/names.ts'
import { readOffsetCheckpoint, updateOffsetCheckpoint } from '../../../src/log/file/offset-checkpoint.ts'
import { parsePartitionMetadata } from '../../../src/log/file/partition-metadata.ts'
import { partitionForKey } from '../../../src/log/record/murmur2.ts'
import { diskError, FileCalls } from '../../helpers/file-calls.ts'
import { fixtureFolder } from '../../helpers/golden.ts'
import { readRecords, TestPartition } from '../../helpers/partition.ts'
import { batchStarts } from '../../helpers/raw-segment.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const OLD = '00000000000000000000'

function emptyDirectory(): DataDirectory {
  return DataDirectory.open(join(temporaryFolder(), 'data'), { create: true })
}

function brokerDirectory(name: string): DataDirectory {
  const path = join(temporaryFolder(), 'data')
  cpSync(join(fixtureFolder, 'broker', name, 'log-dir'), path, { recursive: true })
  return DataDirectory.open(path)
}

const foldersOf = (directory: DataDirectory) =>
  readdirSync(directory.path)
    .filter(name => parsePartitionFolderName(name) !== undefined)
    .sort()

test('a topic is first written to loglady-topics.json, durably, and only then gets folders', async () => {
  const directory = emptyDirectory()
  const calls = new FileCalls()
  await directory.createTopic('t', { partitions: 2 })
  calls.stop()
  const order = calls.lines(['fsync', 'rename', 'mkdir'])
  const committed = order.indexOf(`rename ${topicsFile}.tmp`)
  expect(order.slice(committed - 1, committed + 2)).toEqual([
    `fsync ${topicsFile}.tmp`,
    `rename ${topicsFile}.tmp`,
    'fsync data',
  ])
  expect(order.findIndex(line => line.startsWith('mkdir'))).toBeGreaterThan(committed + 1)
  directory.close()
})

test('a topic whose making was interrupted has all its partitions, keys go where they belong, and a writer completes it', async () => {
  const directory = emptyDirectory()
  let made = 0
  const calls = new FileCalls({
    before({ verb }) {
      if (verb === 'mkdir' && made++ === 1) throw diskError('ENOSPC')
    },
  })
  await expect(directory.createTopic('t', { partitions: 4 })).rejects.toThrow('ENOSPC')
  calls.stop()
  expect(foldersOf(directory)).toEqual(['t-0'])
  expect(directory.topic('t').partitions).toEqual([0, 1, 2, 3])
  const appender = await directory.topicAppender('t', { lingerMs: 1e6 })
  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(key => Buffer.from(key))
  for (const key of keys) expect(appender.append(key, 0, 1, key, 0, 1)).toBe(true)
  await appender.close()
  expect(foldersOf(directory)).toEqual(['t-0', 't-1', 't-2', 't-3'])
  for (let partition = 0; partition < 4; partition++) {
    const expected = keys.filter(key => partitionForKey(key, 0, 1, 4) === partition).map(String)
    expect(readRecords(directory.partition('t', partition), 0).records.map(record => record.value)).toEqual(expected)
  }
  const ids = foldersOf(directory).map(folder => {
    const path = join(directory.path, folder, partitionMetadataFile)
    return parsePartitionMetadata(readFileSync(path), path)
  })
  expect(new Set(ids)).toEqual(new Set([directory.topic('t').id]))
  directory.close()
})

test("in a broker's directory the folders count, and where their numbers have gaps a partition must be named", async () => {
  const directory = brokerDirectory('groups')
  expect(directory.topic('payments').partitions).toEqual([0, 1, 2])
  await (await directory.topicAppender('payments')).close()
  rmSync(join(directory.path, 'payments-1'), { recursive: true })
  expect(directory.topic('payments').partitions).toEqual([0, 2])
  const failure = await directory.topicAppender('payments').catch(error => error)
  expect(failure).toBeInstanceOf(InvalidArgumentError)
  expect(failure.hint).toContain('-p')
  const end = directory.partition('payments', 2).logEndOffset()
  const appender = await directory.topicAppender('payments', { partition: 2 })
  expect(appender.append(null, 0, 0, Buffer.from('x'), 0, 1)).toBe(true)
  await appender.close()
  expect(directory.partition('payments', 2).logEndOffset()).toBe(end + 1)
  directory.close()
})

test('deleting a topic removes its lines from every checkpoint and group, and no other', async () => {
  const directory = emptyDirectory()
  for (const topic of ['t', 'tt']) await directory.createTopic(topic, { partitions: 2 })
  const files = [recoveryPointCheckpointFile, logStartOffsetCheckpointFile]
  const all = new Map([
    ['t 0', 1],
    ['t 1', 2],
    ['tt 0', 3],
    ['tt 1', 4],
  ])
  for (const file of files) await updateOffsetCheckpoint(directory.path, file, all, { durable: true })
  const group = GroupCheckpoint.open(directory.path, 'g')
  group.join()
  await group.commit(all)
  await directory.deleteTopic('t')
  const others = new Map([...all].filter(([key]) => key.startsWith('tt ')))
  for (const file of files) expect(readOffsetCheckpoint(join(directory.path, file))).toEqual(others)
  expect(new Map(group.read())).toEqual(others)
  expect(foldersOf(directory)).toEqual(['tt-0', 'tt-1'])
  group.close()
  directory.close()
})

/** Records the folders that appear in the data directory, under whatever name and for however short a time. */
function watchFolders(directory: DataDirectory): { seen: string[]; calls: FileCalls } {
  const seen: string[] = []
  const calls = new FileCalls({
    after({ verb, path, detail }) {
      const made = verb === 'mkdir' ? path : verb === 'rename' ? detail! : undefined
      if (made !== undefined && dirname(made) === directory.path && foldersOf(directory).includes(basename(made))) {
        seen.push(basename(made))
      }
    },
  })
  return { seen, calls }
}
const withoutId = (name: string) => name.replace(/\.[0-9a-f]{32}-delete$/, '.<id>-delete')

test('a folder is prepared under a name that a broker clears by itself, and is whole and durable when it gets its own', async () => {
  const directory = emptyDirectory()
  const { seen, calls } = watchFolders(directory)
  await directory.createTopic('t', { partitions: 2 })
  calls.stop()
  expect(seen.map(withoutId)).toEqual(['t-0.<id>-delete', 't-0', 't-1.<id>-delete', 't-1'])
  const order = calls.lines(['fsync', 'rename', 'open'], ({ path }) => /t-0|data$/.test(path)).map(withoutId)
  const renamed = order.indexOf('rename t-0.<id>-delete')
  const contents = [partitionMetadataFile, leaderEpochCheckpointFile, `${OLD}.log`, `${OLD}.index`, `${OLD}.timeindex`]
  for (const name of contents) expect(order.slice(0, renamed)).toContain(`open ${name}`)
  expect(order.slice(0, renamed)).toContain(`fsync ${partitionMetadataFile}`)
  expect(order[renamed - 1]).toBe('fsync t-0.<id>-delete')
  expect(order.slice(renamed)).toContain('fsync data')
  directory.close()
})

test('deletion goes the other way round: one rename out of sight, durable before anything is removed', async () => {
  const directory = emptyDirectory()
  await directory.createTopic('t', { partitions: 2 })
  const { seen, calls } = watchFolders(directory)
  await directory.deleteTopic('t')
  calls.stop()
  expect(seen.map(withoutId)).toEqual(['t-0.<id>-delete', 't-1.<id>-delete'])
  const order = calls.lines(['fsync', 'rename', 'rm']).map(withoutId)
  const hidden = order.indexOf('rename t-1')
  expect(order[hidden + 1]).toBe('fsync data')
  expect(order.indexOf('rm t-0.<id>-delete')).toBeGreaterThan(hidden + 1)
  expect(foldersOf(directory)).toEqual([])
  directory.close()
})

test('a deletion that was interrupted leaves a topic that is still there, never folders that look like a broker made them', async () => {
  const directory = emptyDirectory()
  await directory.createTopic('t', { partitions: 3 })
  let renamed = 0
  const calls = new FileCalls({
    before({ verb, name }) {
      if (verb === 'rename' && /^t-\d/.test(name) && renamed++ === 1) throw diskError('EIO')
    },
  })
  await expect(directory.deleteTopic('t')).rejects.toThrow('EIO')
  calls.stop()
  expect(directory.topic('t')).toMatchObject({ partitions: [0, 1, 2], isOwned: true })
  const { seen, calls: later } = watchFolders(directory)
  await directory.createTopic('u')
  later.stop()
  expect(seen.map(withoutId)).toEqual(['u-0.<id>-delete', 'u-0'])
  expect(foldersOf(directory).filter(name => name.endsWith('-delete'))).toEqual([])
  await directory.deleteTopic('t')
  expect(directory.hasTopic('t')).toBe(false)
  directory.close()
})

test('a backup gets the folders in one step, and is refused before anything has happened if it has them', async () => {
  const directory = emptyDirectory()
  const backupFolder = join(temporaryFolder(), 'backup')
  await directory.createTopic('t', { partitions: 2 })
  mkdirSync(join(backupFolder, 't-1'), { recursive: true })
  await expect(directory.deleteTopic('t', { backupFolder })).rejects.toThrow(
    'the backup folder has this partition already',
  )
  expect(directory.topic('t').partitions).toEqual([0, 1])
  expect(foldersOf(directory)).toEqual(['t-0', 't-1'])
  rmSync(join(backupFolder, 't-1'), { recursive: true })
  const { seen, calls } = watchFolders(directory)
  await directory.deleteTopic('t', { backupFolder })
  calls.stop()
  expect(seen).toEqual([])
  expect(readdirSync(backupFolder).sort()).toEqual(['t-0', 't-1'])
  expect(existsSync(join(backupFolder, 't-0', partitionMetadataFile))).toBe(true)
  directory.close()
})

const epochOf = (log: Buffer, batch: number) => log.readInt32BE(batchStarts(log)[batch]! + 12)

test('own partitions have leader epoch 0, from offset 0 on', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a']])
  expect(readFileSync(partition.file(leaderEpochCheckpointFile), 'latin1')).toBe('0\n1\n0 0\n')
  expect(epochOf(partition.bytes(`${OLD}.log`), 0)).toBe(0)
})

test('a partition that has epochs keeps its last one, and gets no new line', async () => {
  const partition = await TestPartition.create()
  await partition.append([['a']])
  const epochs = '0\n2\n0 0\n7 1\n'
  writeFileSync(partition.file(leaderEpochCheckpointFile), epochs)
  await partition.append([['b'], ['c']])
  const log = partition.bytes(`${OLD}.log`)
  expect([0, 1, 2].map(batch => epochOf(log, batch))).toEqual([0, 7, 7])
  expect(readFileSync(partition.file(leaderEpochCheckpointFile), 'latin1')).toBe(epochs)
  expect(partition.read()).toEqual({ records: expect.objectContaining({ length: 3 }) })
})

/** Two segments that a broker has compacted into one, and was killed before the old ones went: 0.log.swap counts. */
async function killedInCompaction() {
  const partition = await TestPartition.create({ 'segment.bytes': 1024 })
  await partition.append([['x'.repeat(700)], ['y'.repeat(700)], ['z'.repeat(700)]])
  const [first, second] = partition.logs()
  const both = Buffer.concat([partition.bytes(first!), partition.bytes(second!)])
  writeFileSync(partition.file(`${OLD}.log.swap`), both)
  writeFileSync(partition.file(`${OLD}.index.swap`), '')
  writeFileSync(partition.file(`${OLD}.timeindex.swap`), '')
  renameSync(partition.file(first!), partition.file(`${first}.deleted`))
  writeFileSync(partition.file('00000000000000000009.log.cleaned'), 'not finished')
  return { partition, both, second: second! }
}

test('what a broker killed in mid-compaction left is resolved in memory by readers, who change nothing', async () => {
  const { partition } = await killedInCompaction()
  const before = readdirSync(partition.folder).sort()
  expect(partition.read()).toEqual({ records: expect.objectContaining({ length: 3 }) })
  expect(partition.log.segments().map(({ logPath }) => basename(logPath))).toEqual([
    `${OLD}.log.swap`,
    '00000000000000000002.log',
  ])
  expect(readdirSync(partition.folder).sort()).toEqual(before)
})

test('and on the disk by the next writer, under the lock, before it looks for the end', async () => {
  const { partition, both, second } = await killedInCompaction()
  await partition.append([['a']])
  expect(readdirSync(partition.folder).filter(name => /\.(swap|cleaned|deleted)$/.test(name))).toEqual([])
  expect(partition.bytes(`${OLD}.log`)).toEqual(both)
  expect(existsSync(partition.file(second))).toBe(false)
  expect(partition.read()).toEqual({ records: expect.objectContaining({ length: 4 }) })
})
