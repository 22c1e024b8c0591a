import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { DataDirectory } from '../../../src/log/index.ts'
import { appendRecords } from '../../helpers/append-records.ts'
import { logladyInShell, runLoglady } from '../../helpers/run-loglady.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'
import { hasTerminal, runInTerminal } from '../../helpers/terminal.ts'

let dir: string
beforeEach(async () => {
  dir = temporaryFolder()
  await appendRecords(dir, 'events', [{ value: 'a' }, { value: 'b' }], { partitions: 2 })
  await appendRecords(dir, 'other', [{ value: 'c' }])
})

const remove = (...args: string[]) => runLoglady(['topics', 'delete', 'events', ...args], { dir })
const folders = (path = dir) =>
  readdirSync(path, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort()

test('with -y the topic is gone, and nothing else', async () => {
  const { exitCode, stdout, stderr } = await remove('-y')
  expect({ exitCode, stdout: stdout.toString() }).toEqual({ exitCode: 0, stdout: '' })
  expect(stderr).toMatch(/: deleting topic events of .*: 2 partitions, 2 records, \d+ B\n.*: deleted events\n$/)
  expect(folders()).toEqual(['other-0'])
})

test('where nobody can be asked it refuses without -y, after its plan', async () => {
  const { exitCode, stderr } = await remove()
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(/deleting topic events .*\n.*: will not delete without being asked\nhint: add -y.*\n$/)
  expect(folders()).toEqual(['events-0', 'events-1', 'other-0'])
})

test.skipIf(!hasTerminal).each([
  ['y\n', 0, []],
  ['YES\n', 0, []],
  ['n\n', 1, ['events-0', 'events-1']],
  ['\n', 1, ['events-0', 'events-1']],
  ['\u0004', 1, ['events-0', 'events-1']],
  ['\u0003', 130, ['events-0', 'events-1']],
])('on a terminal it asks; the answer %j means exit %d', async (input, expected, left) => {
  const line = `${logladyInShell} topics delete events`
  const { shown, exitCode } = await runInTerminal(line, { dir, prompt: '[y/N]', input })
  expect(shown).toContain('delete topic events? [y/N] ')
  expect(exitCode).toBe(expected)
  expect(folders()).toEqual([...left, 'other-0'])
})

test('--dry-run prints the plan and deletes nothing, also with -y', async () => {
  const { exitCode, stderr, stdout } = await remove('--dry-run', '-y', '-J')
  expect(exitCode).toBe(0)
  expect(JSON.parse(stderr)).toMatchObject({ note: expect.stringMatching(/^would delete topic events/) })
  expect(JSON.parse(stdout.toString())).toMatchObject({ topic: 'events', records: 2, deleted: false, backup: null })
  expect(folders()).toEqual(['events-0', 'events-1', 'other-0'])
})

test('--backup keeps the files elsewhere', async () => {
  const backup = join(temporaryFolder(), 'kept')
  const { exitCode, stdout } = await remove('-y', '-J', '--backup', backup)
  expect(exitCode).toBe(0)
  expect(JSON.parse(stdout.toString())).toMatchObject({ topic: 'events', deleted: true, backup })
  expect(folders()).toEqual(['other-0'])
  expect(folders(backup)).toEqual(['events-0', 'events-1'])
  expect(existsSync(join(backup, 'events-0', '00000000000000000000.log'))).toBe(true)
})

test('while somebody writes to it, it exits 4 and stays', async () => {
  const directory = DataDirectory.open(dir)
  const writer = await directory.partitionWriter('events', 1)
  try {
    const { exitCode, stderr } = await remove('-y')
    expect(exitCode).toBe(4)
    expect(stderr).toMatch(/events-1\/\.lock: events\/1 is being written by/)
    expect(folders()).toEqual(['events-0', 'events-1', 'other-0'])
  } finally {
    await writer.close()
    directory.close()
  }
})
