import fs, { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { AlreadyExistsError, StorageError, SyncFailedError } from '../../../src/log/errors.ts'
import { removeFile, replaceFile, syncFolder, writeNewFile } from '../../../src/log/file/durable.ts'
import { type FaultyFileSystem, faultyFileSystem } from '../../helpers/faulty-file-system.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

let disk: FaultyFileSystem | undefined
afterEach(() => disk?.restore())

test('a replaced file has the new content and leaves no temporary one', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'file')
  for (const durable of [true, false]) {
    replaceFile(path, 'first é', { durable })
    expect(readFileSync(path, 'utf8')).toBe('first é')
    replaceFile(path, Buffer.from([0, 255]), { durable })
    expect(readFileSync(path)).toEqual(Buffer.from([0, 255]))
    replaceFile(path, '', { durable })
    expect(readFileSync(path, 'utf8')).toBe('')
  }
  expect(readdirSync(folder)).toEqual(['file'])
})

test('the temporary file that a crash left is overwritten, however long it is', () => {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(`${path}.tmp`, 'x'.repeat(1000))
  replaceFile(path, 'new', { durable: true })
  expect(readFileSync(path, 'utf8')).toBe('new')
})

test('a durable replacement syncs the file, renames it, and syncs the folder, in this order', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'file')
  disk = faultyFileSystem()
  replaceFile(path, 'new', { durable: true })
  expect(disk.calls.filter(call => !call.startsWith('close'))).toEqual([
    'open file.tmp',
    'write file.tmp',
    'fsync file.tmp',
    'rename file.tmp file',
    `open ${basename(folder)}`,
    `fsync ${basename(folder)}`,
  ])
})

test('a replacement that need not be durable syncs nothing', () => {
  const path = join(temporaryFolder(), 'file')
  disk = faultyFileSystem()
  replaceFile(path, 'new', { durable: false })
  writeNewFile(`${path}2`, 'new', { durable: false })
  removeFile(`${path}2`, { durable: false })
  expect(disk.calls.filter(call => call.startsWith('fsync'))).toEqual([])
})

test('short writes are carried on', () => {
  const path = join(temporaryFolder(), 'file')
  disk = faultyFileSystem({ shortWrites: 3 })
  replaceFile(path, '0123456789', { durable: true })
  expect(readFileSync(path, 'utf8')).toBe('0123456789')
  expect(disk.calls.filter(call => call.startsWith('write'))).toHaveLength(4)
})

for (const [failing, errorClass, left] of [
  ['open file.tmp', StorageError, 'old'],
  ['write file.tmp', StorageError, 'old'],
  ['fsync file.tmp', SyncFailedError, 'old'],
  ['rename file.tmp file', StorageError, 'old'],
  ['fsync folder', SyncFailedError, 'new'],
] as const) {
  test(`when ${failing} fails, the ${left} content stands and no temporary file`, () => {
    const folder = join(temporaryFolder(), 'folder')
    fs.mkdirSync(folder)
    const path = join(folder, 'file')
    writeFileSync(path, 'old')
    disk = faultyFileSystem({ failing, code: 'EIO' })
    expect(() => replaceFile(path, 'new', { durable: true })).toThrow(errorClass)
    disk.restore()
    expect(readFileSync(path, 'utf8')).toBe(left)
    expect(readdirSync(folder)).toEqual(['file'])
    const opened = disk.calls.filter(call => call.startsWith('open') && call !== failing)
    expect(disk.calls.filter(call => call.startsWith('close'))).toHaveLength(opened.length)
  })
}

test('an error carries the path and the cause', () => {
  const path = join(temporaryFolder(), 'none', 'file')
  try {
    replaceFile(path, 'new', { durable: true })
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(StorageError)
    expect(error).toMatchObject({ path: `${path}.tmp`, cause: { code: 'ENOENT' } })
  }
})

test('a new file must not exist, and the one that does stays as it is', () => {
  const path = join(temporaryFolder(), 'file')
  writeNewFile(path, 'first', { durable: true })
  expect(() => writeNewFile(path, 'second', { durable: true })).toThrow(AlreadyExistsError)
  expect(readFileSync(path, 'utf8')).toBe('first')
})

test('a new file that could not be written whole is not left behind', () => {
  const path = join(temporaryFolder(), 'file')
  disk = faultyFileSystem({ failing: 'fsync file', code: 'EIO' })
  expect(() => writeNewFile(path, 'first', { durable: true })).toThrow(SyncFailedError)
  expect(existsSync(path)).toBe(false)
})

test('removing tells whether the file was there, and syncs the folder only then', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'file')
  writeFileSync(path, '')
  disk = faultyFileSystem()
  expect(removeFile(path, { durable: true })).toBe(true)
  expect(existsSync(path)).toBe(false)
  expect(disk.calls.filter(call => call.startsWith('fsync'))).toEqual([`fsync ${basename(folder)}`])
  expect(removeFile(path, { durable: true })).toBe(false)
  expect(disk.calls.filter(call => call.startsWith('fsync'))).toHaveLength(1)
  disk.restore()
  expect(() => removeFile(folder, { durable: true })).toThrow(StorageError)
})

test('a folder that cannot be synced at all is none of our troubles, one that fails to is', () => {
  const folder = temporaryFolder()
  disk = faultyFileSystem({ failing: `fsync ${basename(folder)}`, code: 'EINVAL' })
  syncFolder(folder)
  disk.restore()
  disk = faultyFileSystem({ failing: `fsync ${basename(folder)}`, code: 'EIO' })
  expect(() => syncFolder(folder)).toThrow(SyncFailedError)
  disk.restore()
  expect(() => syncFolder(join(folder, 'none'))).toThrow(StorageError)
})
