import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CorruptFileError, StorageError } from '../../src/log/errors.ts'
import { topicsFile } from '../../src/log/file/names.ts'
import { randomTopicId } from '../../src/log/file/partition-metadata.ts'
import { writeTopicsFile } from '../../src/log/file/topics-file.ts'
import { completeFolders, listTopics, removeDeletedFolders, renameForDeletion } from '../../src/log/topics.ts'
import { faultyFileSystem } from '../helpers/faulty-file-system.ts'
import { temporaryFolder } from '../helpers/temporary-folder.ts'

const hex = 'c0ffee'.repeat(5).concat('00')
const names = (folder: string) => readdirSync(folder).sort()
const listed = (folder: string) => [...listTopics(folder).values()].map(({ name, partitions }) => [name, partitions])

test('the file says what topics there are; folders count for those that it does not know', () => {
  const folder = temporaryFolder()
  const id = randomTopicId()
  writeTopicsFile(folder, new Map([['own', { id, partitions: 2, config: new Map() }]]))
  for (const name of ['own-0', 'own-7', 'brokers-2', 'brokers-0', 'with-dash-1', '-3', 'no-number-x']) {
    mkdirSync(join(folder, name))
  }
  expect(listed(folder)).toEqual([
    ['brokers', [0, 2]],
    ['own', [0, 1]],
    ['with-dash', [1]],
  ])
  expect(listTopics(folder).get('own')).toMatchObject({ id, isOwned: true })
  expect(listTopics(folder).get('brokers')!.isOwned).toBe(false)
})

test('a folder on its way in or out is no topic, nor is the metadata of a cluster', () => {
  const folder = temporaryFolder()
  for (const name of [`a-0.${hex}-delete`, `b-0.${hex}-future`, `c-0.${hex}-stray`, '__cluster_metadata-0']) {
    mkdirSync(join(folder, name))
  }
  expect(listed(folder)).toEqual([])
})

test('where a broker has run no topic is ours alone', () => {
  const folder = temporaryFolder()
  writeTopicsFile(folder, new Map([['own', { id: randomTopicId(), partitions: 1, config: new Map() }]]))
  expect(listTopics(folder).get('own')!.isOwned).toBe(true)
  writeFileSync(join(folder, 'meta.properties'), 'version=1\nnode.id=1\n')
  expect(listTopics(folder).get('own')!.isOwned).toBe(false)
})

test('a topics file that is damaged is an error, not a directory without topics', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, topicsFile), '{')
  expect(() => listTopics(folder)).toThrow(CorruptFileError)
})

test('folders that are missing are made whole, and those that are there are left alone', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 't-1'))
  writeFileSync(join(folder, 't-1', 'mine'), '')
  const id = randomTopicId()
  completeFolders(folder, 't', id, 3)
  expect(names(folder)).toEqual(['t-0', 't-1', 't-2'])
  expect(names(join(folder, 't-1'))).toEqual(['mine'])
  const zero = '0'.repeat(20)
  expect(names(join(folder, 't-2'))).toEqual([
    `${zero}.index`,
    `${zero}.log`,
    `${zero}.timeindex`,
    'leader-epoch-checkpoint',
    'partition.metadata',
  ])
  expect(readFileSync(join(folder, 't-2', 'partition.metadata'), 'utf8')).toBe(`version: 0\ntopic_id: ${id}`)
  expect(readFileSync(join(folder, 't-2', 'leader-epoch-checkpoint'), 'utf8')).toBe('0\n1\n0 0\n')
})

test('a folder that could not be made leaves nothing half made, and an error with its path', () => {
  const folder = temporaryFolder()
  const disk = faultyFileSystem({ failing: 'open leader-epoch-checkpoint', code: 'ENOSPC' })
  try {
    expect(() => completeFolders(folder, 't', randomTopicId(), 2)).toThrow(
      expect.objectContaining({ code: StorageError.code, path: join(folder, 't-0') }),
    )
  } finally {
    disk.restore()
  }
  expect(names(folder)).toEqual([])
})

test('what a crash left on its way in or out is cleared, and nothing else', () => {
  const folder = temporaryFolder()
  completeFolders(folder, 't', randomTopicId(), 2)
  const gone = renameForDeletion(folder, 't', 1)
  expect(gone).toMatch(/t-1\.[0-9a-f]{32}-delete$/)
  mkdirSync(join(folder, `t-5.${hex}-future`))
  mkdirSync(join(folder, `tmp-delete`))
  removeDeletedFolders(folder)
  expect(names(folder)).toEqual(['t-0', `t-5.${hex}-future`, 'tmp-delete'])
  expect(existsSync(gone)).toBe(false)
})

test('a folder that cannot be renamed is an error with its path', () => {
  const folder = temporaryFolder()
  expect(() => renameForDeletion(folder, 't', 0)).toThrow(
    expect.objectContaining({ code: StorageError.code, path: join(folder, 't-0') }),
  )
})
