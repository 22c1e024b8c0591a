import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CorruptFileError } from '../../../src/log/errors.ts'
import { withDirectoryLock } from '../../../src/log/file/directory-lock.ts'
import {
  GroupCheckpoint,
  groupLockRange,
  listGroups,
  removeTopicFromGroups,
} from '../../../src/log/file/group-checkpoint.ts'
import { partitionKey } from '../../../src/log/file/offset-checkpoint.ts'
import { LockProcess } from '../../helpers/lock-process.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

test('a group commits, leaves, and finds its offsets again', async () => {
  const directory = temporaryFolder()
  const group = GroupCheckpoint.open(directory, 'billing')
  expect(group.committed('orders', 0)).toBeUndefined()
  group.join()
  await group.commit(new Map([[partitionKey('orders', 0), 134]]))
  await group.commit(new Map([[partitionKey('orders', 1), 7]]))
  await group.commit(new Map([[partitionKey('orders', 0), 140]]))
  group.close()
  expect(readFileSync(join(directory, 'loglady-group-billing.checkpoint'), 'latin1')).toBe(
    '0\n2\norders 0 140\norders 1 7\n',
  )
  const again = GroupCheckpoint.open(directory, 'billing')
  expect(again.committed('orders', 0)).toBe(140)
  expect([...again.read()]).toEqual([
    ['orders 0', 140],
    ['orders 1', 7],
  ])
})

test('a second member is refused with the group and the holder, in this process and in another', async () => {
  const directory = temporaryFolder()
  const first = GroupCheckpoint.open(directory, 'billing')
  first.join()
  first.join()
  const second = GroupCheckpoint.open(directory, 'billing')
  expect(() => second.join()).toThrowError(
    expect.objectContaining({
      code: 'LOGLADY_LOCKED',
      message: expect.stringMatching(/^the group billing is in use by /),
    }),
  )
  first.close()
  second.join()
  second.close()

  const other = await LockProcess.start(join(directory, 'loglady.lock'))
  expect(await other.tryLock(groupLockRange('billing'), 'exclusive')).toBe(true)
  expect(() => first.join()).toThrowError(
    expect.objectContaining({ message: expect.stringContaining(String(other.pid)) }),
  )
  await other.kill()
  first.join()
  first.close()
})

test('groups do not stand in each other’s way, nor in that of the checkpoints', async () => {
  const directory = temporaryFolder()
  const groups = Array.from({ length: 200 }, (_, n) => GroupCheckpoint.open(directory, `group-${n}`))
  for (const group of groups) group.join()
  await Promise.all(groups.map((group, n) => group.commit(new Map([['t 0', n]]))))
  expect(groups.map(group => group.committed('t', 0))).toEqual(groups.map((_, n) => n))
  for (const group of groups) group.close()
})

test('the lock of a group lies behind the other ranges and within what a number holds', () => {
  for (const name of ['', 'a', 'billing', '日本語', 'x'.repeat(200)]) {
    const { start, length } = groupLockRange(name)
    expect(length).toBe(1)
    expect(start).toBeGreaterThanOrEqual(2 ** 32)
    expect(start).toBeLessThan(2 ** 32 + 2 ** 48)
  }
  expect(groupLockRange('a')).not.toEqual(groupLockRange('b'))
})

test('a commit without membership is refused', async () => {
  const group = GroupCheckpoint.open(temporaryFolder(), 'billing')
  await expect(group.commit(new Map([['t 0', 1]]))).rejects.toThrowError('commit() before join()')
})

test('names of any bytes are groups, an empty one is none', () => {
  const directory = temporaryFolder()
  const names = ['billing', 'a b/c', '日本語', '100%']
  for (const name of names) writeFileSync(GroupCheckpoint.open(directory, name).path, '')
  writeFileSync(join(directory, 'loglady-group-.checkpoint'), '')
  writeFileSync(join(directory, 'recovery-point-offset-checkpoint'), '')
  expect(listGroups(directory)).toEqual([...names].sort())
  expect(() => GroupCheckpoint.open(directory, '')).toThrowError(
    expect.objectContaining({ code: 'LOGLADY_INVALID_ARGUMENT' }),
  )
})

test('an unreadable checkpoint is corrupt, and a commit does not overwrite it', async () => {
  const directory = temporaryFolder()
  const group = GroupCheckpoint.open(directory, 'billing')
  writeFileSync(group.path, '0\n7\norders 0 134\n')
  expect(() => group.committed('orders', 0)).toThrowError(
    expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', path: group.path }),
  )
  group.join()
  await expect(group.commit(new Map([['t 0', 1]]))).rejects.toThrowError(
    expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE' }),
  )
  group.close()
  expect(readFileSync(group.path, 'latin1')).toBe('0\n7\norders 0 134\n')
})

test('a deleted topic leaves every group, and an unreadable file is told and kept', async () => {
  const directory = temporaryFolder()
  const texts = { a: '0\n2\nt 0 1\nt-1 0 2\n', b: '0\n1\nt 3 9\n', c: 'broken', d: '0\n1\nother 0 5\n' }
  for (const [name, text] of Object.entries(texts)) writeFileSync(GroupCheckpoint.open(directory, name).path, text)
  const told: CorruptFileError[] = []
  await withDirectoryLock(directory, () => removeTopicFromGroups(directory, 't', error => told.push(error)))
  const found = readdirSync(directory)
    .filter(name => name.endsWith('.checkpoint'))
    .map(name => readFileSync(join(directory, name), 'latin1'))
  expect(found).toEqual(['0\n1\nt-1 0 2\n', '0\n0\n', 'broken', '0\n1\nother 0 5\n'])
  expect(told.map(error => error.path)).toEqual([join(directory, 'loglady-group-c.checkpoint')])
})

test('listing the groups of a folder that is not there is a storage error', () => {
  const directory = join(temporaryFolder(), 'none')
  expect(() => listGroups(directory)).toThrowError(
    expect.objectContaining({ code: 'LOGLADY_STORAGE', path: directory }),
  )
})
