import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withDirectoryLock } from '../../../src/log/file/directory-lock.ts'
import { WRITE } from '../../../src/log/file/lock-file.ts'
import { LockProcess } from '../../helpers/lock-process.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

test('the work runs under byte 0 of loglady.lock, which stays there unlocked', async () => {
  const directory = temporaryFolder()
  const path = join(directory, 'loglady.lock')
  const other = await withDirectoryLock(directory, async () => {
    const process = await LockProcess.start(path)
    expect(await process.tryLock(WRITE, 'exclusive')).toBe(false)
    return process
  })
  expect(await other.tryLock(WRITE, 'exclusive')).toBe(true)
  expect(existsSync(path)).toBe(true)
})

test('a failure of the work comes out and frees the lock', async () => {
  const directory = temporaryFolder()
  await expect(withDirectoryLock(directory, () => Promise.reject(new Error('full')))).rejects.toThrowError('full')
  await expect(
    withDirectoryLock(directory, () => {
      throw new Error('worse')
    }),
  ).rejects.toThrowError('worse')
  expect(await withDirectoryLock(directory, () => 7)).toBe(7)
})

test('calls of one process exclude each other', async () => {
  const directory = temporaryFolder()
  let inside = 0
  let most = 0
  const work = async () => {
    inside++
    most = Math.max(most, inside)
    await sleep(1)
    inside--
  }
  await Promise.all(Array.from({ length: 20 }, () => withDirectoryLock(directory, work)))
  expect(most).toBe(1)
})
