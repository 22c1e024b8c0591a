import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { CorruptFileError, StorageError } from '../../../src/log/errors.ts'
import { readUnsyncedMark, removeUnsyncedMark, writeUnsyncedMark } from '../../../src/log/file/unsynced-mark.ts'
import { type FaultyFileSystem, faultyFileSystem } from '../../helpers/faulty-file-system.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

let disk: FaultyFileSystem | undefined
afterEach(() => disk?.restore())

test('a mark is written as text, read, and removed', () => {
  const folder = temporaryFolder()
  expect(readUnsyncedMark(folder)).toBeUndefined()
  expect(writeUnsyncedMark(folder, { baseOffset: 1000, position: 65536 })).toBe(true)
  expect(readFileSync(join(folder, 'unsynced'), 'latin1')).toBe('0\n1000 65536\n')
  expect(readUnsyncedMark(folder)).toEqual({ baseOffset: 1000, position: 65536 })
  removeUnsyncedMark(folder)
  expect(readUnsyncedMark(folder)).toBeUndefined()
  removeUnsyncedMark(folder)
})

test('a mark moves down, never up', () => {
  const folder = temporaryFolder()
  const write = (baseOffset: number, position: number) => {
    writeUnsyncedMark(folder, { baseOffset, position })
    return readUnsyncedMark(folder)
  }
  expect(write(1000, 500)).toEqual({ baseOffset: 1000, position: 500 })
  expect(write(1000, 600)).toEqual({ baseOffset: 1000, position: 500 })
  expect(write(2000, 0)).toEqual({ baseOffset: 1000, position: 500 })
  expect(write(1000, 400)).toEqual({ baseOffset: 1000, position: 400 })
  expect(write(200, 9000)).toEqual({ baseOffset: 200, position: 9000 })
})

test('a mark that cannot be read is an error with its path, and a new one takes its place', () => {
  const folder = temporaryFolder()
  const path = join(folder, 'unsynced')
  for (const text of [
    '',
    '0\n',
    '0\n1000\n',
    '1\n1000 5\n',
    '0\n-1 5\n',
    '0\n1 5',
    '0\n9007199254740993 5\n',
    'x'.repeat(1e6),
  ]) {
    writeFileSync(path, text)
    expect(() => readUnsyncedMark(folder), text.slice(0, 40)).toThrow(CorruptFileError)
    expect(() => readUnsyncedMark(folder)).toThrow(expect.objectContaining({ path }))
  }
  writeUnsyncedMark(folder, { baseOffset: 1, position: 2 })
  expect(readUnsyncedMark(folder)).toEqual({ baseOffset: 1, position: 2 })
})

for (const failing of ['fsync unsynced.tmp', 'fsync folder']) {
  test(`when ${failing} fails too, the mark stands all the same and the caller is told`, () => {
    const folder = join(temporaryFolder(), 'folder')
    mkdirSync(folder)
    disk = faultyFileSystem({ failing })
    expect(writeUnsyncedMark(folder, { baseOffset: 0, position: 77 })).toBe(false)
    disk.restore()
    expect(readUnsyncedMark(folder)).toEqual({ baseOffset: 0, position: 77 })
  })
}

test('a mark that cannot be written at all is an error', () => {
  const folder = temporaryFolder()
  disk = faultyFileSystem({ failing: 'write unsynced.tmp', code: 'ENOSPC' })
  expect(() => writeUnsyncedMark(folder, { baseOffset: 0, position: 0 })).toThrow(StorageError)
})
