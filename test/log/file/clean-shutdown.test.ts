import { existsSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { hasCleanShutdownMark, removeCleanShutdownMark } from '../../../src/log/file/clean-shutdown.ts'
import { type FaultyFileSystem, faultyFileSystem } from '../../helpers/faulty-file-system.ts'
import { goldenFiles } from '../../helpers/golden-files.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

let disk: FaultyFileSystem | undefined
afterEach(() => disk?.restore())

function syncs(): string[] {
  return disk!.calls.filter(call => call.startsWith('fsync'))
}

test('only the existence of the mark counts', () => {
  const folder = temporaryFolder()
  expect(hasCleanShutdownMark(folder)).toBe(false)
  for (const content of ['', '{"version":0,"brokerEpoch":12}', 'nonsense']) {
    writeFileSync(join(folder, '.kafka_cleanshutdown'), content)
    expect(hasCleanShutdownMark(folder)).toBe(true)
  }
})

test('the marks of real brokers are seen', () => {
  const marks = goldenFiles('.kafka_cleanshutdown')
  for (const mark of marks) expect(hasCleanShutdownMark(join(mark, '..'))).toBe(true)
  expect(marks.length).toBeGreaterThan(0)
})

test('removing the mark syncs the folder', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, '.kafka_cleanshutdown'), '')
  disk = faultyFileSystem()
  expect(removeCleanShutdownMark(folder)).toBe(true)
  expect(existsSync(join(folder, '.kafka_cleanshutdown'))).toBe(false)
  expect(syncs()).toEqual([`fsync ${basename(folder)}`])
})

test('without a mark only a directory of a broker is synced, as another process may have just removed it', () => {
  const folder = temporaryFolder()
  disk = faultyFileSystem()
  expect(removeCleanShutdownMark(folder)).toBe(false)
  expect(syncs()).toEqual([])
  writeFileSync(join(folder, 'meta.properties'), '')
  expect(removeCleanShutdownMark(folder)).toBe(false)
  expect(syncs()).toEqual([`fsync ${basename(folder)}`])
})
