import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readWholeFile } from '../../../src/log/file/whole-file.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

test('a small file comes back whole, a missing one as undefined', () => {
  const path = join(temporaryFolder(), 'small')
  expect(readWholeFile(path)).toBeUndefined()
  writeFileSync(path, '')
  expect(readWholeFile(path)).toEqual(Buffer.alloc(0))
  writeFileSync(path, 'abc')
  expect(readWholeFile(path)).toEqual(Buffer.from('abc'))
})

test('a file above the limit is refused by its size alone', () => {
  const path = join(temporaryFolder(), 'huge')
  writeFileSync(path, '')
  truncateSync(path, 2 ** 40)
  expect(() => readWholeFile(path)).toThrowError(
    expect.objectContaining({
      code: 'LOGLADY_CORRUPT_FILE',
      path,
      message: 'the file has 1099511627776 bytes, expected at most 67108864',
    }),
  )
})

test('a folder in place of a file is a storage error with its path', () => {
  const path = temporaryFolder()
  expect(() => readWholeFile(path)).toThrowError(expect.objectContaining({ code: 'LOGLADY_STORAGE', path }))
})
