import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import type { CorruptFileError } from '../../../src/log/errors.ts'
import { WRITE } from '../../../src/log/file/lock-file.ts'
import {
  changeOffsetCheckpoint,
  formatOffsetCheckpoint,
  linesOfTopic,
  parsePartitionKey,
  partitionKey,
  readOffsetCheckpoint,
  updateOffsetCheckpoint,
} from '../../../src/log/file/offset-checkpoint.ts'
import { goldenFiles, goldenName } from '../../helpers/golden-files.ts'
import { LockProcess } from '../../helpers/lock-process.ts'
import { nodeExecutable } from '../../helpers/run-loglady.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const file = 'recovery-point-offset-checkpoint'
const writer = fileURLToPath(new URL('../../helpers/checkpoint-writer.process.ts', import.meta.url))

test('every golden checkpoint reads and is written back to the same bytes', () => {
  const paths = goldenFiles('-offset-checkpoint')
  expect(paths.length).toBeGreaterThan(20)
  for (const path of paths) {
    const text = readFileSync(path, 'latin1')
    // A broker that has not written one yet leaves 0 bytes.
    if (text === '') expect(readOffsetCheckpoint(path).size, goldenName(path)).toBe(0)
    else expect(formatOffsetCheckpoint(readOffsetCheckpoint(path)), goldenName(path)).toBe(text)
  }
})

test('a topic with dots, dashes and digits at its end keeps its partitions apart', () => {
  const path = goldenFiles('groups/log-dir/recovery-point-offset-checkpoint')[0]!
  const offsets = readOffsetCheckpoint(path)
  expect(offsets.get(partitionKey('audit.log_v1', 3))).toBe(33)
  expect(offsets.get(partitionKey('__consumer_offsets', 1))).toBe(36)
  expect(parsePartitionKey('audit.log_v1 3')).toEqual({ topic: 'audit.log_v1', partition: 3 })
})

test('a missing file has no lines', () => {
  expect(readOffsetCheckpoint(join(temporaryFolder(), file)).size).toBe(0)
})

test('of two lines of one partition the last holds', () => {
  const path = join(temporaryFolder(), file)
  writeFileSync(path, '0\n3\na 0 5\nb 0 1\na 0 7\n')
  expect([...readOffsetCheckpoint(path)]).toEqual([
    ['a 0', 7],
    ['b 0', 1],
  ])
})

test.each([
  'a 0',
  'a 0 1 2',
  'a 0 -1',
  'a -1 0',
  'a 2147483648 0',
  'a 0 9007199254740992',
  ' a 0 1',
  'a 0 1 ',
  'a x 1',
  '',
])('a line %j makes the file unreadable', line => {
  const path = join(temporaryFolder(), file)
  writeFileSync(path, `0\n2\nok 0 1\n${line}\n`)
  expect(() => readOffsetCheckpoint(path)).toThrowError(
    expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', path, position: 11 }),
  )
})

test('a real checkpoint cut at any byte is never taken for a shorter one', () => {
  const folder = temporaryFolder()
  const path = join(folder, file)
  const golden = goldenFiles('groups/log-dir/recovery-point-offset-checkpoint')[0]!
  const bytes = readFileSync(golden)
  const whole = readOffsetCheckpoint(golden)
  for (let size = 4; size < bytes.length; size++) {
    writeFileSync(path, bytes.subarray(0, size))
    // A cut number of the last line is a line still; that is why a file is replaced in one step.
    if (
      bytes.indexOf('\n', bytes.lastIndexOf(' ')) - size <= String(17).length - 1 &&
      size > bytes.lastIndexOf(' ') + 1
    ) {
      expect(readOffsetCheckpoint(path).size).toBe(whole.size)
    } else expect(() => readOffsetCheckpoint(path), `${size} bytes`).toThrowError(expect.objectContaining({ path }))
  }
})

test('an update changes, adds and removes its lines and leaves the others as they are', async () => {
  const directory = temporaryFolder()
  const path = join(directory, file)
  writeFileSync(path, '0\n3\na 0 5\nb 0 1\nc 0 9\n')
  const changes = new Map([
    ['b 0', 2],
    ['c 0', undefined],
    ['d 12', 0],
  ])
  await updateOffsetCheckpoint(directory, file, changes, { durable: true })
  expect(readFileSync(path, 'latin1')).toBe('0\n3\na 0 5\nb 0 2\nd 12 0\n')
  expect(readdirSync(directory).sort()).toEqual(['loglady.lock', file])
})

test('an update that changes nothing leaves the file alone, and one of a missing file makes it', async () => {
  const directory = temporaryFolder()
  const path = join(directory, file)
  await updateOffsetCheckpoint(directory, file, new Map([['a 0', 5]]), { durable: true })
  expect(readFileSync(path, 'latin1')).toBe('0\n1\na 0 5\n')
  const inode = statSync(path).ino
  utimesSync(path, 1, 1)
  await updateOffsetCheckpoint(directory, file, new Map([['a 0', 5]]), { durable: true })
  await updateOffsetCheckpoint(directory, file, new Map([['b 0', undefined]]), { durable: true })
  expect(statSync(path).ino).toBe(inode)
  expect(statSync(path).mtimeMs).toBe(1000)
})

test('an unreadable file is left alone unless the caller takes it for empty', async () => {
  const directory = temporaryFolder()
  const path = join(directory, file)
  const changes = new Map([['a 0', 5]])
  writeFileSync(path, '0\n9\na 0 1\n')
  await expect(updateOffsetCheckpoint(directory, file, changes, { durable: true })).rejects.toThrowError(
    expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', path }),
  )
  expect(readFileSync(path, 'latin1')).toBe('0\n9\na 0 1\n')
  const told: CorruptFileError[] = []
  const onUnreadable = (error: CorruptFileError) => told.push(error)
  await updateOffsetCheckpoint(directory, file, changes, { durable: true, onUnreadable })
  expect(told.map(error => error.path)).toEqual([path])
  expect(readFileSync(path, 'latin1')).toBe('0\n1\na 0 5\n')
  writeFileSync(path, 'x')
  await updateOffsetCheckpoint(directory, file, new Map(), { durable: true, onUnreadable })
  expect(readFileSync(path, 'latin1')).toBe('0\n0\n')
})

test('a line that would not read back is not written', async () => {
  const directory = temporaryFolder()
  for (const [key, offset] of [
    ['a 0', -1],
    ['a 0', 0.5],
    ['a 0', 2 ** 53],
    ['a b 0', 1],
    ['a', 1],
    ['a -1', 1],
  ] as const) {
    await expect(
      updateOffsetCheckpoint(directory, file, new Map([[key, offset]]), { durable: false }),
    ).rejects.toThrowError(RangeError)
  }
  expect(readdirSync(directory)).toEqual(['loglady.lock'])
})

test('the lines of a topic go, those of topics with a like name stay', () => {
  const directory = temporaryFolder()
  writeFileSync(join(directory, file), '0\n4\na 0 1\na-1 0 2\na 11 3\nab 0 4\n')
  changeOffsetCheckpoint(directory, file, offsets => linesOfTopic(offsets, 'a'), { durable: true })
  expect(readFileSync(join(directory, file), 'latin1')).toBe('0\n2\na-1 0 2\nab 0 4\n')
})

test('the change is made of what stands in the file once the lock is had', async () => {
  const directory = temporaryFolder()
  const path = join(directory, file)
  writeFileSync(path, '0\n1\na 0 1\n')
  const other = await LockProcess.start(join(directory, 'loglady.lock'))
  expect(await other.tryLock(WRITE, 'exclusive')).toBe(true)
  const update = updateOffsetCheckpoint(directory, file, new Map([['b 0', 7]]), { durable: false })
  writeFileSync(path, '0\n1\na 0 2\n')
  await other.unlock(WRITE)
  await update
  expect(readFileSync(path, 'latin1')).toBe('0\n2\na 0 2\nb 0 7\n')
})

test('processes that change different lines at once lose none, and a reader sees only whole files in which no line falls', async () => {
  const directory = temporaryFolder()
  const path = join(directory, file)
  const last = 100
  const running = [0, 1, 2, 3].map(n =>
    execa(nodeExecutable, [writer, directory, file, String(n * 2), '2', String(last)]),
  )
  let isOver = false
  const all = Promise.all(running).finally(() => {
    isOver = true
  })
  let reads = 0
  let before = new Map<string, number>()
  while (!isOver) {
    const now = readOffsetCheckpoint(path)
    for (const [key, offset] of before) expect(now.get(key), key).toBeGreaterThanOrEqual(offset)
    before = now
    reads++
    await new Promise(resolve => setImmediate(resolve))
  }
  await all
  expect(reads).toBeGreaterThan(10)
  const expected = Array.from({ length: 8 }, (_, partition): [string, number] => [partitionKey('t', partition), last])
  expect([...readOffsetCheckpoint(path)].sort()).toEqual(expected)
})
