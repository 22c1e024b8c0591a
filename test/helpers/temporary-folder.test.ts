import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { sharedTemporaryFolder, temporaryFolder } from './temporary-folder.ts'

let ofTheFirstTest = ''
afterAll(() => {
  expect(existsSync(ofTheFirstTest)).toBe(false)
})
const shared = sharedTemporaryFolder()

test('a temporary folder exists and is empty', () => {
  ofTheFirstTest = temporaryFolder()
  expect(existsSync(ofTheFirstTest)).toBe(true)
  expect(temporaryFolder()).not.toBe(ofTheFirstTest)
  writeFileSync(join(ofTheFirstTest, 'a'), 'x')
  writeFileSync(join(shared, 'b'), 'x')
})

test('it is gone in the next test, a shared one is not', () => {
  expect(existsSync(ofTheFirstTest)).toBe(false)
  expect(existsSync(join(shared, 'b'))).toBe(true)
})
